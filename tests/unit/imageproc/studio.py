"""A place to render in: bytes in, pictures out."""

import io
from pathlib import Path

from PIL import Image

from functions.imageproc.render import Limits, Picture, Rejected, Spec, render

THUMB = Spec("thumb", 16, 16, "contain", "png", 100)
AS_IS = Spec("as-is", 4096, 4096, "contain", "png", 100)


class Studio:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._source = folder / "source"
        self._into = folder / "into"
        self._into.mkdir()

    def render(self, data: bytes, *specs: Spec, declared: str | None = None, limits: Limits | None = None) -> Picture:
        self._source.write_bytes(data)
        return render(self._source, specs or (AS_IS,), self._into, declared=declared, limits=limits)

    def files(self, data: bytes, *specs: Spec) -> list[bytes]:
        """The bytes of every variant."""
        return [variant.path.read_bytes() for variant in self.render(data, *specs).variants]

    def image(self, data: bytes, spec: Spec = AS_IS) -> Image.Image:
        """The one variant, decoded."""
        image = Image.open(io.BytesIO(self.files(data, spec)[0]))
        image.load()
        return image

    def refusal(self, data: bytes, *specs: Spec, declared: str | None = None, limits: Limits | None = None) -> str:
        """The code of the rejection, or an empty string. Any other exception is the test's failure."""
        try:
            self.render(data, *specs, declared=declared, limits=limits)
        except Rejected as rejected:
            code, sentence = rejected.code, rejected.detail
        else:
            return ""
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        return code
