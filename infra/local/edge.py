"""The edge store of a local cloud: a bucket of a MinIO, and the parameter with its credentials."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.cloud import LocalCloud
from infra.local.minio import ROOT_PASSWORD, ROOT_USER, Minio
from infra.local.s3_client import REGION
from infra.stage import Stage

BUCKET = "edge"


@dataclass(frozen=True)
class LocalEdge:
    """A MinIO as the edge store of a local cloud. Both have to run, apart from `stage_overrides`."""

    cloud: LocalCloud
    minio: Minio

    def stage_overrides(self) -> Mapping[str, Any]:
        """Return the value of the stage that names the edge store. Functions and browsers reach it at the same address."""
        return {
            "edgeStore": {
                "endpoint": self.minio.endpoint,
                "publicEndpoint": self.minio.endpoint,
                "bucket": BUCKET,
                "region": REGION,
                "deleteAfterSync": "off",
                "syncSchedule": "cron(0 0 * * ? *)",
            }
        }

    def bootstrap(self) -> None:
        """Create the bucket, unless it exists, and set the credentials."""
        s3 = self.minio.client()
        if BUCKET not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=BUCKET)
            s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        credentials = {"accessKeyId": ROOT_USER, "secretAccessKey": ROOT_PASSWORD}
        self.cloud.client("ssm").put_parameter(
            Name=f"{Stage.load(self.cloud.stage).parameter_prefix}/edge-credentials",
            Value=json.dumps(credentials),
            Type="SecureString",
            Overwrite=True,
        )
