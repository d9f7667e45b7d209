"""Things that the rules are asked about."""

from datetime import UTC, datetime

from holdall.files.model import File, FileStatus, Version
from holdall.projects.model import Project, ProjectSettings, VariantSpec, Visibility

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
        kind="file",
        state="live",
        last_number=current.number,
        current=current,
        created_by="0" * 26,
        created_at=FROZEN_TIME,
        updated_at=FROZEN_TIME,
        revision=0,
    )
