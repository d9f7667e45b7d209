"""The books of a project: what must agree whatever happened."""

import hashlib
import json
from typing import Any

from tests.api.cloud import Cloud


def held(cloud: Cloud, project_id: str) -> tuple[int, int]:
    """The bytes and files that the quota counts."""
    (row,) = cloud.rows("main", pk=f"PROJECT#{project_id}", sk="QUOTA")
    return int(row["bytes"]), int(row["files"])


def uploads(cloud: Cloud, project_id: str) -> list[dict[str, Any]]:
    return cloud.rows("main", record_kind="upload", project_id=project_id)


def versions(cloud: Cloud, project_id: str) -> list[dict[str, Any]]:
    rows = cloud.rows("main", record_kind="version")
    return [json.loads(row["content"]) for row in rows if row["pk"].startswith(f"FILE#{project_id}-")]


def check(cloud: Cloud, project_id: str) -> None:
    """Quota = bytes of what lives, open uploads too; a ready version has its object; the audit tells what was done."""
    living, begun = versions(cloud, project_id), uploads(cloud, project_id)
    sizes = [int(each["size"]) for each in begun if each["state"] == "open"] + [each["size"] for each in living]
    assert held(cloud, project_id) == (sum(sizes), len(sizes))

    for version in living:
        if version["status"] == "ready":
            stored = cloud.s3.get_object(Bucket="originals", Key=version["key"], VersionId=version["s3_version"])
            assert hashlib.sha256(stored["Body"].read()).hexdigest() == version["sha256"]
        promised = {each["key"] for each in version["variants"] if each["status"] == "ready"}
        assert promised <= set(cloud.keys("variants", project_id))

    assert sorted(row["target"] for row in cloud.rows("audit", action="uploads.init") if of(row, project_id)) == sorted(
        each["id"] for each in begun
    )
    committed = [row["target"] for row in cloud.rows("audit", action="uploads.commit") if of(row, project_id)]
    assert len(committed) == len(set(committed))
    assert set(committed) <= {each["id"] for each in begun if each["state"] == "completed"}


def nothing_left(cloud: Cloud, project_id: str) -> None:
    """No file, version, object or byte of quota."""
    assert versions(cloud, project_id) == []
    assert [row for row in cloud.rows("main", record_kind="file") if row["project_id"] == project_id] == []
    assert held(cloud, project_id) == (0, 0)
    assert cloud.keys("variants", project_id) == []
    answer = cloud.s3.list_object_versions(Bucket="originals")
    entries = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
    assert [entry["Key"] for entry in entries if project_id in entry["Key"]] == []


def of(row: dict[str, Any], project_id: str) -> bool:
    return bool(row["target"].startswith(f"{project_id}-"))
