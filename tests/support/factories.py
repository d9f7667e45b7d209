"""Factories of models and request bodies."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

from holdall.files.model import File, FileStatus, Version
from holdall.iam.model import StoredSession
from holdall.platform import ids
from holdall.projects.model import Project, ProjectSettings, Visibility
from holdall.projects.variant_specs import VariantSpec

PROJECT_ID = "0123456789ab"
FROZEN_TIME = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
THUMB = VariantSpec(name="thumb", width=20, height=20, fit="cover")


def make_project(
    *, slug: str = "holiday", visibility: Visibility = "private", variants: list[VariantSpec] | None = None
) -> Project:
    return Project(
        id=PROJECT_ID,
        name="Holiday",
        slug=slug,
        personal=False,
        status="active",
        settings=ProjectSettings(visibility=visibility, variants=[THUMB] if variants is None else variants),
        created_at=FROZEN_TIME,
        updated_at=FROZEN_TIME,
    )


def make_version(number: int, status: FileStatus) -> Version:
    return Version(
        id=f"{PROJECT_ID}-{number:026}",
        number=number,
        key=f"holiday-{PROJECT_ID}/files/{number:026}.bin",
        s3_version_id="1",
        size=1,
        content_type="text/plain",
        declared_type=None,
        sha256=None,
        declared_sha256=None,
        status=status,
        reason=None,
        width=None,
        height=None,
        variants=(),
        created_by="0" * 26,
        created_at=FROZEN_TIME,
    )


def make_file(current: Version) -> File:
    return File(
        id=f"{PROJECT_ID}-{0:026}",
        project_id=PROJECT_ID,
        name="notes.txt",
        relative_path=None,
        state="live",
        last_number=current.number,
        current=current,
        has_variants=bool(current.variants),
        created_by="0" * 26,
        created_at=FROZEN_TIME,
        updated_at=FROZEN_TIME,
        deleted_at=None,
        revision=0,
    )


def make_session(created_at: datetime, user_id: str = "0" * 26) -> StoredSession:
    return StoredSession(
        id=ids.new_id(),
        user_id=user_id,
        mode="token",
        generation=1,
        family_sha256=ids.sha256_hex(ids.new_secret()),
        current_sha256=ids.sha256_hex(ids.new_secret()),
        previous_sha256=None,
        encrypted_successor=None,
        rotated_at=created_at,
        created_at=created_at,
        authenticated_at=created_at,
        last_used_at=created_at,
        revoked=False,
        client_ip="192.0.2.7",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    )


def make_upload_request(content: bytes, **overrides: Any) -> dict[str, Any]:
    """Return the body of an init-upload, of a JPEG unless overridden. A field that is None is left out."""
    body = {
        "filename": "photo.jpg",
        "contentType": "image/jpeg",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        **overrides,
    }
    return {name: value for name, value in body.items() if value is not None}


def sha256_base64(content: bytes) -> str:
    """Return the SHA-256 digest in the form of S3."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
