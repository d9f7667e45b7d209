"""A project into which clients upload, and what it has afterwards, as the API and S3 tell."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.actions import create_project, wait_for
from tests.support.e2e.client import Client, Server, create_client


@dataclass(frozen=True)
class Site:
    """An API with its S3 server, and a user."""

    user: Client
    s3: Any
    bucket: str  # of the originals
    process_events: Callable[[], object] = lambda: None  # what AWS does by itself

    @classmethod
    def deployed(cls, deployment: E2EEnvironment) -> "Site":
        """Return the deployed stack in MiniStack."""
        split = urlsplit(deployment.outputs["DirectApiUrl"].removesuffix("/api/v1"))
        user = create_client(Server(split.port or 80, split.netloc, split.path))
        return cls(user, deployment.cloud.client("s3"), deployment.outputs["OriginalsBucket"])

    def create_project(self, **settings: Any) -> "UploadProject":
        """Create a project of the user."""
        return UploadProject(self, create_project(self.user, **settings))


@dataclass(frozen=True)
class UploadProject:
    """A project without files."""

    site: Site
    id: str

    def create_endpoint(self) -> str:
        """Return a URL that a page gives to the client."""
        endpoint: str = self.site.user.post("/uploads/companion-token", {"projectId": self.id}).data()["endpoint"]
        return endpoint

    def wait_until_ready(self, *paths: Path) -> Mapping[str, Any]:
        """Wait until the project has exactly these files, as they are on disk, and return them by name."""
        wait_for(lambda: self._are_ready(len(paths)))
        files = {file["name"]: file for file in self._list_files()}
        assert {name: (file["status"], file["size"], file["sha256"]) for name, file in files.items()} == {
            path.name: ("ready", path.stat().st_size, _sha256(path.read_bytes())) for path in paths
        }
        assert sorted(map(_sha256, self.list_originals().values())) == sorted(file["sha256"] for file in files.values())
        assert self._usage() == (sum(path.stat().st_size for path in paths), len(paths))
        assert self._list_open_uploads() == []
        return files

    def wait_until_empty(self) -> None:
        """Wait until there is nothing in the quota and no part in S3. Check that there is no file and no object either."""
        wait_for(self._is_empty)
        assert self._list_files() == []
        assert self._list_open_uploads() == []
        assert self.list_originals() == {}

    def list_originals(self) -> dict[str, bytes]:
        """Return the content of all objects of the project by key."""
        s3, bucket = self.site.s3, self.site.bucket
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        keys = [version["Key"] for page in pages for version in page.get("Versions", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys if f"-{self.id}/" in key}

    def list_unfinished_keys(self) -> list[str]:
        """Return the keys of the multipart uploads in S3, whose parts it keeps."""
        uploads = self.site.s3.list_multipart_uploads(Bucket=self.site.bucket).get("Uploads", [])
        return [upload["Key"] for upload in uploads if f"-{self.id}/" in upload["Key"]]

    def _are_ready(self, count: int) -> bool:
        self.site.process_events()
        files = self._list_files()
        return len(files) >= count and all(file["status"] != "processing" for file in files)

    def _is_empty(self) -> bool:
        self.site.process_events()
        return self._usage() == (0, 0) and self.list_unfinished_keys() == []

    def _list_files(self) -> list[dict[str, Any]]:
        files: list[dict[str, Any]] = self.site.user.get(f"/files?projectId={self.id}").data()
        return files

    def _list_open_uploads(self) -> list[dict[str, Any]]:
        uploads: list[dict[str, Any]] = self.site.user.get(f"/uploads?projectId={self.id}").data()
        return uploads

    def _usage(self) -> tuple[int, int]:
        usage = self.site.user.get(f"/projects/{self.id}/usage").data()
        return usage["bytes"], usage["files"]


def write_random_file(path: Path, size: int) -> Path:
    """Write bytes that no other file has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
