"""The books of a project: what must agree whatever happened."""

import hashlib
import json
from typing import Any

from holdall.files.model import IMAGE_TYPES, place
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


def installation(cloud: Cloud) -> tuple[int, int]:
    """The bytes and files that the parts of the installation's quota count."""
    return _summed(cloud.rows("main", record_kind="installation-quota"))


def projects(cloud: Cloud) -> tuple[int, int]:
    """The bytes and files that the quotas of all projects count."""
    return _summed(cloud.rows("main", record_kind="quota"))


def used(cloud: Cloud, project_id: str) -> dict[str, int]:
    """What is counted of versions by kind and of variants; what is nothing is left out."""
    rows = [row for row in cloud.rows("main", record_kind="usage") if row["pk"] == f"PROJECT#{project_id}"]
    names = ("image_bytes", "images", "file_bytes", "files", "variant_bytes", "variants")
    return _something({name: sum(int(row.get(name, 0)) for row in rows) for name in names})


def lying(cloud: Cloud, project_id: str) -> dict[str, int]:
    """What lies there of versions by kind and of variants that are ready; what is nothing is left out."""
    found = dict.fromkeys(("image_bytes", "images", "file_bytes", "files", "variant_bytes", "variants"), 0)
    for version in versions(cloud, project_id):
        kind = "image" if version["content_type"] in IMAGE_TYPES else "file"
        ready = [each["size"] for each in version["variants"] if each["status"] == "ready"]
        found[f"{kind}_bytes"] += version["size"]
        found[f"{kind}s"] += 1
        found["variant_bytes"] += sum(ready)
        found["variants"] += len(ready)
    return _something(found)


def check(cloud: Cloud, project_id: str) -> None:
    """Quota = bytes of what lives, open uploads too; usage = what lies there by kind; the installation = all projects; a ready
    version has its object, a ready variant too, and no variant lies there without a row; the audit tells what was done.
    """
    living, begun = versions(cloud, project_id), uploads(cloud, project_id)
    sizes = [int(each["size"]) for each in begun if each["state"] == "open"] + [each["size"] for each in living]
    assert held(cloud, project_id) == (sum(sizes), len(sizes))
    assert used(cloud, project_id) == lying(cloud, project_id)
    assert installation(cloud) == projects(cloud)

    for version in living:
        if version["status"] == "ready":
            stored = cloud.s3.get_object(Bucket="originals", Key=version["key"], VersionId=version["s3_version"])
            assert hashlib.sha256(stored["Body"].read()).hexdigest() == version["sha256"]
    drawn = [each for version in living for each in version["variants"]]
    promised = {each["key"] for each in drawn if each["status"] == "ready"}
    # What is being drawn may lie there already; whoever draws it settles where.
    places = {place(each["key"]) for each in drawn if each["status"] != "ready"}
    there = set(cloud.keys("variants", project_id))
    assert promised <= there
    assert {key for key in there - promised if place(key) not in places} == set()

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
    assert used(cloud, project_id) == {}
    assert installation(cloud) == projects(cloud)
    assert cloud.keys("variants", project_id) == []
    answer = cloud.s3.list_object_versions(Bucket="originals")
    entries = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
    assert [entry["Key"] for entry in entries if project_id in entry["Key"]] == []


def of(row: dict[str, Any], project_id: str) -> bool:
    return bool(row["target"].startswith(f"{project_id}-"))


def _summed(rows: list[dict[str, Any]]) -> tuple[int, int]:
    return sum(int(row["bytes"]) for row in rows), sum(int(row["files"]) for row in rows)


def _something(numbers: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in numbers.items() if number}
