"""How the variants of a project are rendered."""

import hashlib
import json
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from holdall.platform.schemas import RequestModel

RENDERER_VERSION = "1"  # in the hash of every spec, so a renderer with other results makes other URLs
MAX_VARIANTS: Final = 20
MAX_VARIANT_SIDE: Final = 4096  # pixels; a larger image may need more memory than imageproc has
Dimension = Annotated[int, Field(ge=1, le=MAX_VARIANT_SIDE)]


class VariantSpec(RequestModel):
    """How to render a variant of each image. With `contain`, a missing side follows from the other one."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    width: Dimension | None = None
    height: Dimension | None = None
    fit: Literal["contain", "cover", "stretch"] = "contain"
    format: Literal["webp", "avif", "jpeg", "png"] = "webp"
    quality: Annotated[int, Field(ge=1, le=100)] = 80
    animated: bool = Field(default=False, description="Keep the frames of a GIF, WebP or APNG. Only for `webp`.")

    @model_validator(mode="after")
    def _check_dimensions(self) -> Self:
        if self.width is None and self.height is None:
            raise ValueError("width or height is required")
        if self.fit != "contain" and (self.width is None or self.height is None):
            raise ValueError("cover and stretch require both width and height")
        if self.animated and self.format != "webp":
            raise ValueError("animated requires webp")
        return self

    @property
    def spec_hash(self) -> str:
        """Return the hash that is in the keys of the variant, so that another spec has another URL."""
        spec = self.model_dump(exclude={"name"} if self.animated else {"name", "animated"})
        return hashlib.sha256(json.dumps([RENDERER_VERSION, spec], sort_keys=True).encode()).hexdigest()[:12]


def _check_unique_names(specs: list[VariantSpec]) -> list[VariantSpec]:
    if len({spec.name for spec in specs}) < len(specs):
        raise ValueError("variant names must be unique")
    return specs


DEFAULT_VARIANTS = [
    VariantSpec(name="thumbnail", width=200, height=200, fit="cover"),
    VariantSpec(name="small", width=640),
    VariantSpec(name="large", width=1280),
]
VariantSpecs = Annotated[list[VariantSpec], Field(max_length=MAX_VARIANTS), AfterValidator(_check_unique_names)]
