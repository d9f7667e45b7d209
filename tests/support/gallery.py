"""A project that is pleasant to look at: drawn landscapes, the photo of the demo, and two documents. Always the same."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageColor, ImageDraw

from tests.support.e2e.actions import upload_file, wait_until_processed
from tests.support.e2e.client import Client
from tests.support.source_tree import ROOT

_SIZE = (1200, 900)
_SCALE = 2  # drawn larger, so that edges are smooth
_STEP = 8  # pixels between two points of a hill
_PHOTO = ROOT / "docs" / "demo" / "photo.jpg"
_SUN = 0.62  # where it is, of the width


@dataclass(frozen=True)
class Landscape:
    """A sky from top to bottom, a sun, and hills from the farthest to the nearest."""

    name: str
    sky: str  # colours, with spaces between them
    sun: str
    hills: str
    height: float  # of the horizon, of the picture

    def draw(self) -> bytes:
        """Return a JPEG."""
        width, height = (side * _SCALE for side in _SIZE)
        # A gradient of two colours is a picture of two pixels.
        sky = Image.new("RGB", (1, 2))
        sky.putdata([ImageColor.getrgb(colour) for colour in self.sky.split()])
        image = sky.resize((width, height), Image.Resampling.BILINEAR)
        draw = ImageDraw.Draw(image)
        horizon, radius = self.height * height, height / 11
        centre = (width * _SUN, horizon - radius * 1.4)
        draw.circle(centre, radius, self.sun)
        hills = self.hills.split()
        for number, colour in enumerate(hills):
            top = horizon + number * (height - horizon) / len(hills)
            points = [(x, top + self._relief(x / width, number) * height) for x in range(0, width + _STEP, _STEP)]
            draw.polygon([*points, (width + _STEP, height), (0, height)], colour)
        buffer = io.BytesIO()
        image.resize(_SIZE, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=88)
        return buffer.getvalue()

    def _relief(self, x: float, number: int) -> float:
        """Return how far a hill is below its line at a place, of the height. Far ones are steeper."""
        phase = number * 2.1 + len(self.name)
        steepness = 0.055 / (1 + number * 0.35)
        return steepness * (
            math.sin(5 * x + phase) + 0.5 * math.sin(11 * x + 2 * phase) + 0.25 * math.sin(23 * x + phase)
        )


_LANDSCAPES = (
    Landscape("Red desert.jpg", "#f4a261 #fde2be", "#fff4d6", "#e76f51 #bc4a3c #7a2e34", 0.5),
    Landscape("Night over the hills.jpg", "#111838 #484c84", "#f4f1de", "#343a69 #23294e #12162e", 0.52),
    Landscape("Meadow.jpg", "#89c4e1 #e2f1f4", "#fff3bf", "#8ab480 #609660 #3a704c", 0.55),
    Landscape("Lavender.jpg", "#fad0c4 #ffece0", "#fffaf0", "#b094c4 #866aaa #5c4884", 0.48),
    Landscape("Lake at dawn.jpg", "#78aabe #fae0c4", "#ffecc8", "#608c98 #467080 #2c5062", 0.5),
    Landscape("First snow.jpg", "#a0b8d0 #eaf0f6", "#fffcf0", "#d0dce8 #e4ecf3 #f8fafc", 0.46),
    Landscape("Autumn.jpg", "#eed8b0 #faf0da", "#ffe496", "#ce9648 #b2682e #784226", 0.54),
    Landscape("Blue mountains.jpg", "#b0cee6 #f0f4f8", "#fffff4", "#84a4c4 #587ca4 #30527e", 0.44),
)
_DOCUMENTS = {
    "Packing list.pdf": ("application/pdf", b"%PDF-1.7\n" + b"%" * 84_000),
    "Route.csv": ("text/csv", b"day,km\n1,18\n2,22\n" * 40),
}


def fill(client: Client, project_id: str, *, has_photo: bool = True) -> str:
    """Upload the files of the gallery, and wait until the images are rendered. Return the ID of the newest, the photo."""
    ids = [
        upload_file(client, content, projectId=project_id, filename=name, contentType=content_type)["fileId"]
        for name, content_type, content in _files(has_photo=has_photo)
    ]
    for file_id in ids:
        wait_until_processed(client, file_id)
    return str(ids[-1])


def _files(*, has_photo: bool) -> Iterator[tuple[str, str, bytes]]:
    for name, (content_type, content) in _DOCUMENTS.items():
        yield name, content_type, content
    for landscape in _LANDSCAPES:
        yield landscape.name, "image/jpeg", landscape.draw()
    if has_photo:
        yield "Dandelions.jpg", "image/jpeg", _PHOTO.read_bytes()
