"""Invariants of a project: counters, rows and objects agree, whatever happened."""

import hashlib
import json
from collections import Counter
from typing import Any

from holdall.files.model import IMAGE_TYPES, without_prefix
from tests.support.aws import FakeAws


def quota_usage(fake_aws: FakeAws, project_id: str) -> tuple[int, int]:
    """Return the bytes and files that the quota counts."""
    (row,) = fake_aws.find_rows("main", pk=f"QUOTA#{project_id}")
    return int(row["bytes"]), int(row["files"])


def upload_rows(fake_aws: FakeAws, project_id: str) -> list[dict[str, Any]]:
    return fake_aws.find_rows("main", record_type="upload", project_id=project_id)


def stored_versions(fake_aws: FakeAws, project_id: str) -> list[dict[str, Any]]:
    rows = fake_aws.find_rows("main", record_type="version")
    return [json.loads(row["version_json"]) for row in rows if row["pk"].startswith(f"FILE#{project_id}-")]


def installation_usage(fake_aws: FakeAws) -> tuple[int, int]:
    """Return the bytes and files that the shards of the installation's quota count."""
    return _sum_usage(fake_aws.find_rows("main", record_type="installation-quota"))


def total_project_usage(fake_aws: FakeAws) -> tuple[int, int]:
    """Return the bytes and files that the quotas of all projects count."""
    return _sum_usage(fake_aws.find_rows("main", record_type="quota"))


def open_bytes_by_opener(fake_aws: FakeAws) -> dict[str, int]:
    """Return the bytes that the open uploads of each user or share are counted to reserve, without zeros."""
    rows = fake_aws.find_rows("main", record_type="open-uploads")
    return _without_zeros({row["pk"].removeprefix("QUOTA#OPEN#"): int(row["bytes"]) for row in rows})


def usage_shards(fake_aws: FakeAws, project_id: str) -> list[dict[str, Any]]:
    rows = fake_aws.find_rows("main", record_type="usage")
    return [row for row in rows if row["pk"].startswith(f"USAGE#{project_id}#")]


def counted_usage(fake_aws: FakeAws, project_id: str) -> dict[str, int]:
    """Return the counters of versions by kind and of variants, without zeros."""
    rows = usage_shards(fake_aws, project_id)
    names = ("image_bytes", "images", "file_bytes", "files", "variant_bytes", "variants")
    return _without_zeros({name: sum(int(row.get(name, 0)) for row in rows) for name in names})


def measured_usage(fake_aws: FakeAws, project_id: str) -> dict[str, int]:
    """Return the sizes and numbers of versions by kind and of ready variants, without zeros."""
    found = dict.fromkeys(("image_bytes", "images", "file_bytes", "files", "variant_bytes", "variants"), 0)
    for version in stored_versions(fake_aws, project_id):
        kind = "image" if version["content_type"] in IMAGE_TYPES else "file"
        ready = [each["size"] for each in version["variants"] if each["status"] == "ready"]
        found[f"{kind}_bytes"] += version["size"] * version["owns_original"]
        found[f"{kind}s"] += version["owns_original"]
        found["variant_bytes"] += sum(ready)
        found["variants"] += len(ready)
    return _without_zeros(found)


def assert_project_consistent(fake_aws: FakeAws, project_id: str) -> None:
    """Check all invariants of a project.

    The quota counts originals and open uploads, and the usage counts originals by kind and variants. One of the versions that
    share an original owns it. The installation is the sum of its projects, and each user has reserved the bytes of their open
    uploads. Ready versions and variants have their objects, and no variant is stored without a row. Each upload and each
    commit is audited once.
    """
    versions, uploads = stored_versions(fake_aws, project_id), upload_rows(fake_aws, project_id)
    sizes = [int(each["size"]) for each in uploads if each["state"] == "open"]
    sizes += [each["size"] for each in versions if each["owns_original"]]
    assert quota_usage(fake_aws, project_id) == (sum(sizes), len(sizes))
    assert counted_usage(fake_aws, project_id) == measured_usage(fake_aws, project_id)
    assert installation_usage(fake_aws) == total_project_usage(fake_aws)
    reserved: Counter[str] = Counter()
    for upload in fake_aws.find_rows("main", record_type="upload", state="open"):
        reserved[upload.get("share_id") or upload["created_by"]] += int(upload["size"])
    assert open_bytes_by_opener(fake_aws) == _without_zeros(reserved)

    originals = {(each["key"], each["s3_version_id"]) for each in versions}
    owned = [(each["key"], each["s3_version_id"]) for each in versions if each["owns_original"]]
    assert sorted(owned) == sorted(originals)
    for version in versions:
        if version["status"] == "ready":
            stored = fake_aws.s3.get_object(Bucket="originals", Key=version["key"], VersionId=version["s3_version_id"])
            assert hashlib.sha256(stored["Body"].read()).hexdigest() == version["sha256"]
    variants = [each for version in versions for each in version["variants"]]
    ready = {each["key"] for each in variants if each["status"] == "ready"}
    # A variant may be stored before its row is ready, and the worker chooses the prefix.
    pending = {without_prefix(each["key"]) for each in variants if each["status"] != "ready"}
    stored_keys = set(fake_aws.list_keys("variants", project_id))
    assert ready <= stored_keys
    assert {key for key in stored_keys - ready if without_prefix(key) not in pending} == set()

    assert sorted(
        row["target"] for row in fake_aws.find_rows("audit", action="uploads.init") if is_in_project(row, project_id)
    ) == sorted(each["id"] for each in uploads)
    committed = [
        row["target"] for row in fake_aws.find_rows("audit", action="uploads.commit") if is_in_project(row, project_id)
    ]
    assert len(committed) == len(set(committed))
    assert set(committed) <= {each["id"] for each in uploads if each["state"] == "completed"}


def assert_project_purged(fake_aws: FakeAws, project_id: str) -> None:
    """Check that there is no file, version or object, and that nothing is counted."""
    assert stored_versions(fake_aws, project_id) == []
    assert [row for row in fake_aws.find_rows("main", record_type="file") if row["project_id"] == project_id] == []
    assert quota_usage(fake_aws, project_id) == (0, 0)
    assert counted_usage(fake_aws, project_id) == {}
    assert installation_usage(fake_aws) == total_project_usage(fake_aws)
    assert fake_aws.list_keys("variants", project_id) == []
    response = fake_aws.s3.list_object_versions(Bucket="originals")
    entries = [*response.get("Versions", []), *response.get("DeleteMarkers", [])]
    assert [entry["Key"] for entry in entries if project_id in entry["Key"]] == []


def remaining_rows(fake_aws: FakeAws, project_id: str) -> list[dict[str, Any]]:
    """Return the rows that have the ID of a project in a key and that do not expire."""
    keys = ("pk", "gsi1pk", "gsi2pk", "gsi3pk")
    rows = [each for each in fake_aws.find_rows("main") if any(project_id in str(each.get(name, "")) for name in keys)]
    return [each for each in rows if "ttl" not in each]


def stored_object_keys(fake_aws: FakeAws, project_id: str) -> list[str]:
    """Return the key of each version of each object of a project, in both buckets."""
    found = []
    for bucket in ("originals", "variants"):
        response = fake_aws.s3.list_object_versions(Bucket=bucket)
        found += [each["Key"] for each in [*response.get("Versions", []), *response.get("DeleteMarkers", [])]]
    return [key for key in found if project_id in key]


def is_in_project(row: dict[str, Any], project_id: str) -> bool:
    return bool(row["target"].startswith(f"{project_id}-"))


def _sum_usage(rows: list[dict[str, Any]]) -> tuple[int, int]:
    return sum(int(row["bytes"]) for row in rows), sum(int(row["files"]) for row in rows)


def _without_zeros(counts: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}
