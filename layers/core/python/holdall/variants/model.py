"""What drawing an image takes, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from holdall.files.model import File, Version
from holdall.jobs.model import Job
from holdall.platform.schemas import ResponseModel
from holdall.projects.model import Project, VariantSpec

LEASE = timedelta(minutes=6)  # longer than imageproc may run, so that one at a time draws


@dataclass(frozen=True)
class RenderJob:
    """A job in hand: the version to draw, and how."""

    job: Job
    project: Project
    file: File
    version: Version
    specs: tuple[VariantSpec, ...]


@dataclass(frozen=True)
class RenderedVariant:
    """One variant, drawn into a file."""

    name: str
    path: Path
    width: int
    height: int
    content_type: str
    size: int


@dataclass(frozen=True)
class RenderResult:
    """An image that could be read: its upright size, and what was drawn of it."""

    sha256: str
    width: int
    height: int
    variants: Sequence[RenderedVariant]


class SyncEstimate(ResponseModel):
    """What bringing the variants of a project up to its settings would do."""

    files: int
    variants_to_make: int
    variants_to_drop: int
    estimated_seconds: float  # of computing; many images are drawn at once
    estimated_dollars: float
    exact: bool  # false where there are too many images to look at each
