"""Render images in a temporary directory."""

import io
from pathlib import Path

from PIL import Image

from functions.imageproc.render import Rejected, ResourceLimits, Spec, render
from holdall.variants.model import RenderResult

THUMB = Spec("thumb", 16, 16, "contain", "png", 100)
AS_IS = Spec("as-is", 4096, 4096, "contain", "png", 100)


class ImageFactory:
    def __init__(self, directory: Path) -> None:
        self._source = directory / "source"
        self._output_dir = directory / "variants"
        self._output_dir.mkdir()

    def render(
        self, data: bytes, *specs: Spec, declared: str | None = None, limits: ResourceLimits | None = None
    ) -> RenderResult:
        self._source.write_bytes(data)
        return render(self._source, specs or (AS_IS,), self._output_dir, declared_type=declared, limits=limits)

    def render_bytes(self, data: bytes, *specs: Spec) -> list[bytes]:
        """Return the bytes of each variant."""
        return [variant.path.read_bytes() for variant in self.render(data, *specs).variants]

    def render_image(self, data: bytes, spec: Spec = AS_IS) -> Image.Image:
        """Return the only variant, decoded."""
        image = Image.open(io.BytesIO(self.render_bytes(data, spec)[0]))
        image.load()
        return image

    def rejection_code(
        self, data: bytes, *specs: Spec, declared: str | None = None, limits: ResourceLimits | None = None
    ) -> str:
        """Return the code of the rejection, or an empty string. Any other exception fails the test."""
        try:
            self.render(data, *specs, declared=declared, limits=limits)
        except Rejected as rejected:
            code, detail = rejected.code, rejected.detail
        else:
            return ""
        assert detail[0].isupper()
        assert detail.endswith(".")
        return code
