"""S3 servers for the contract of `holdall.platform` with S3."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StorageServer:
    """An S3 server with two buckets. The settings of this process lead to them."""

    name: str
    s3: Any
    originals_bucket: str
    variants_bucket: str

    def list_version_ids(self, key: str) -> list[str]:
        response = self.s3.list_object_versions(Bucket=self.originals_bucket, Prefix=key)
        return [entry["VersionId"] for entry in (*response.get("Versions", []), *response.get("DeleteMarkers", []))]
