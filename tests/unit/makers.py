"""Things that the rules are asked about."""

from datetime import UTC, datetime

from holdall.files.model import File, Status, Version
from holdall.projects.model import Project, Settings, VariantSpec, Visibility

PROJECT_ID = "0123456789ab"
MOMENT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
THUMB = VariantSpec(name="thumb", width=20, height=20, fit="cover")


def project(
    *, slug: str = "holiday", visibility: Visibility = "private", specs: list[VariantSpec] | None = None
) -> Project:
    return Project(
        id=PROJECT_ID,
        name="Holiday",
        slug=slug,
        personal=False,
        status="active",
        settings=Settings(visibility=visibility, variants=[THUMB] if specs is None else specs),
        created_at=MOMENT,
        updated_at=MOMENT,
    )


def version(number: int, status: Status) -> Version:
    return Version(
        id=f"{PROJECT_ID}-{number:026}",
        number=number,
        key=f"holiday-{PROJECT_ID}/files/{number:026}.bin",
        s3_version="1",
        size=1,
        content_type="text/plain",
        sha256=None,
        announced=None,
        status=status,
        reason=None,
        width=None,
        height=None,
        variants=(),
        created_by="0" * 26,
        created_at=MOMENT,
    )


def file(current: Version) -> File:
    return File(
        id=f"{PROJECT_ID}-{0:026}",
        project_id=PROJECT_ID,
        name="notes.txt",
        kind="file",
        state="live",
        latest=current.number,
        current=current,
        created_by="0" * 26,
        created_at=MOMENT,
        updated_at=MOMENT,
        revision=0,
    )
