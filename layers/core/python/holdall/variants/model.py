"""The rendering of variants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from holdall.files.model import File, Version
from holdall.jobs.model import Job
from holdall.platform.errors import Conflict
from holdall.platform.schemas import ResponseModel
from holdall.projects.model import Project
from holdall.projects.variant_specs import VariantSpec

LEASE = timedelta(minutes=6)  # longer than the timeout of imageproc, so that one worker at a time renders an image


# Reasons why bytes are no image that Holdall knows. They are kept as a plain file.
NOT_AN_IMAGE = frozenset({"empty_file", "unsupported_type"})
PLAIN_TYPE = "application/octet-stream"


class VariantFailed(Conflict):
    """The variant could not be rendered."""

    code, detail = "variant_failed", "This variant could not be rendered."


@dataclass(frozen=True)
class RenderFailure:
    """Why an image cannot be rendered, and what is known of its bytes.

    `sha256` is None if they were not read, because they are too many. `content_type` is their type, and None if they are no
    image, or were not looked at.
    """

    reason: str
    sha256: str | None = None
    content_type: str | None = None


@dataclass(frozen=True)
class RenderJob:
    """A claimed job: the version to render, and the specs of its variants."""

    job: Job
    project: Project
    file: File
    version: Version
    specs: tuple[VariantSpec, ...]


@dataclass(frozen=True)
class RenderedVariant:
    """A variant in a local file. Width and height are in pixels, the size is in bytes."""

    name: str
    path: Path
    width: int
    height: int
    size: int


@dataclass(frozen=True)
class RenderResult:
    """The variants of an image, its content type by its bytes, and its own width and height in pixels, after orientation.

    `placeholder` is a ThumbHash in base64, and `colour` the dominant color as `#rrggbb`.
    """

    content_type: str
    width: int
    height: int
    variants: Sequence[RenderedVariant]
    placeholder: str | None = None
    colour: str | None = None


class SyncEstimate(ResponseModel):
    """The effect and the cost of a sync of the variants of a project."""

    files: int
    variants_to_make: int
    variants_to_drop: int
    estimated_seconds: float  # of computing; many images are rendered at the same time
    estimated_dollars: float
    exact: bool  # false if the project has too many images to look at each
