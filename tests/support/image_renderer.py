"""Render images in a temporary directory."""

import io
from pathlib import Path
from typing import Literal

from PIL import Image

from functions.imageproc.encode import Format
from functions.imageproc.isolation import ResourceLimits
from functions.imageproc.probe import probe
from functions.imageproc.rejection import Rejected
from functions.imageproc.render import render
from holdall.projects.variant_specs import VariantSpec
from holdall.variants.model import RenderResult

Fit = Literal["contain", "cover", "stretch"]


def make_spec(
    name: str, width: int, height: int, fit: Fit, format_: Format, quality: int, *, animated: bool = False
) -> VariantSpec:
    """Return a spec that is not validated, because the renderer does not rely on the limits of the API."""
    return VariantSpec.model_construct(
        name=name, width=width, height=height, fit=fit, format=format_, quality=quality, animated=animated
    )


THUMB = make_spec("thumb", 16, 16, "contain", "png", 100)
AS_IS = make_spec("as-is", 4096, 4096, "contain", "png", 100)


class ImageFactory:
    def __init__(self, directory: Path) -> None:
        self.source = directory / "source"
        self.output_dir = directory / "variants"
        self.output_dir.mkdir()

    def render(self, data: bytes, *specs: VariantSpec, limits: ResourceLimits | None = None) -> RenderResult:
        self.source.write_bytes(data)
        return render(self.source, probe(self.source), specs or (AS_IS,), self.output_dir, limits=limits)

    def render_bytes(self, data: bytes, *specs: VariantSpec) -> list[bytes]:
        """Return the bytes of each variant."""
        return [variant.path.read_bytes() for variant in self.render(data, *specs).variants]

    def render_image(self, data: bytes, spec: VariantSpec = AS_IS) -> Image.Image:
        """Return the only variant, decoded."""
        image = Image.open(io.BytesIO(self.render_bytes(data, spec)[0]))
        image.load()
        return image

    def rejection_code(self, data: bytes, *specs: VariantSpec, limits: ResourceLimits | None = None) -> str:
        """Return the code of the rejection, or an empty string. Any other exception fails the test."""
        try:
            self.render(data, *specs, limits=limits)
        except Rejected as rejected:
            code, detail = rejected.code, rejected.detail
        else:
            return ""
        assert detail[0].isupper()
        assert detail.endswith(".")
        return code
