"""The four-variant image job, Holdall's way and the naive way: wall time, CPU time, peak memory.

    python -m bench.images [--runs 7]

Each measurement is a fresh process, the two ways take turns, the median counts. Time begins when the libraries are
imported, which a Lambda does before its first message. The naive way is what one writes first: for each variant open
the file, decode it whole, resize it with Lanczos, save it. Goal: at most 0.55 of its wall time; printed, never
asserted. With one core free there is nothing to encode in parallel on, and wall becomes CPU.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageChops, ImageFilter, ImageOps
from rich.console import Console
from rich.table import Table

from functions.imageproc.render import Spec, render

GOAL: Final = 0.55
SPECS: Final = (
    Spec("thumbnail", 200, 200, "cover", "webp", 80),
    Spec("small", 640, 640, "contain", "webp", 80),
    Spec("medium", 1280, 1280, "contain", "webp", 80),
    Spec("large", 1920, 1920, "contain", "avif", 50),
)
SIZES: Final = {"6 MP": (3000, 2000), "29 MP": (6600, 4400)}

_ROOT: Final = Path(__file__).parents[1]
_PHOTO: Final = _ROOT / "docs" / "demo" / "photo.jpg"
_CACHE: Final = _ROOT / ".local" / "bench"


def render_holdall(source: Path, output_dir: Path) -> None:
    render(source, SPECS, output_dir)


def render_naive(source: Path, output_dir: Path) -> None:
    for spec in SPECS:
        with Image.open(source) as image:
            ImageOps.exif_transpose(image, in_place=True)
            fit = ImageOps.fit if spec.fit == "cover" else ImageOps.contain
            small = fit(image.convert("RGB"), (spec.width, spec.height), Image.Resampling.LANCZOS)
            options: dict[str, Any] = {"speed": 6} if spec.format == "avif" else {}
            small.save(output_dir / f"{spec.name}.{spec.format}", quality=spec.quality, **options)


IMPLEMENTATIONS: Final[dict[str, Callable[[Path, Path], None]]] = {"naive": render_naive, "holdall": render_holdall}


def measure(implementation: str, source: Path) -> dict[str, Any]:
    """Do the job once here: seconds of wall and CPU, bytes of the largest process at its peak, bytes made."""
    Image.init()
    with tempfile.TemporaryDirectory() as into:
        wall, cpu = time.perf_counter(), _cpu_seconds()
        IMPLEMENTATIONS[implementation](source, Path(into))
        wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
        made = sum(file.stat().st_size for file in Path(into).iterdir())
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"wall": wall, "cpu": cpu, "peak": peak * (1 if sys.platform == "darwin" else 1024), "made": made}


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure_in_subprocess(implementation: str, source: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.images", "--measure", implementation, str(source)]
    done = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def cached_photo(width: int, height: int) -> Path:
    path = _CACHE / f"photo-{width}x{height}.jpg"
    if not path.exists():
        # In a process of its own: on Linux a child's peak memory begins with what its parent had when it started the
        # child.
        subprocess.run(
            [sys.executable, "-m", "bench.images", "--make", f"{width}x{height}", str(path)], cwd=_ROOT, check=True
        )
    return path


def create_photo(size: tuple[int, int], path: Path) -> None:
    """The demo's photograph in this size, with the texture and the sensor's noise that enlarging lacks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(_PHOTO) as photo:
        small = photo.convert("RGB")
    image = small.resize(size, Image.Resampling.BICUBIC)
    image = ImageChops.add(image, _add_texture_layer(small, size), 1, -128)
    ImageChops.add(image, _noise_layer(size), 1, -128).save(path, quality=95)


def _add_texture_layer(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
    fine = ImageChops.subtract(photo, photo.filter(ImageFilter.GaussianBlur(3)), 1, 128)
    tiled = Image.new("RGB", size)
    for left in range(0, size[0], fine.width):
        for top in range(0, size[1], fine.height):
            tiled.paste(fine, (left, top))
    return tiled


def _noise_layer(size: tuple[int, int]) -> Image.Image:
    noise = Image.frombytes("L", size, random.Random(1).randbytes(size[0] * size[1]))  # noqa: S311  # no secret
    noise = noise.filter(ImageFilter.GaussianBlur(0.7)).point(lambda level: 128 + (level - 128) // 6)
    return Image.merge("RGB", (noise, noise, noise))


def build_table(runs: int) -> Table:
    found = Table(title=f"Four variants of a JPEG, median of {runs}, {os.cpu_count()} cores")
    for column in ("source", "implementation", "wall ms", "CPU ms", "peak MiB", "output kB", "wall / naive"):
        found.add_column(column, justify="left" if column in {"source", "way"} else "right")
    for name, (width, height) in SIZES.items():
        source = cached_photo(width, height)
        results: dict[str, list[dict[str, Any]]] = {way: [] for way in IMPLEMENTATIONS}
        for _ in range(runs):
            for way, measured in results.items():
                measured.append(measure_in_subprocess(way, source))
        medians = {way: {key: _median(all_, key) for key in all_[0]} for way, all_ in results.items()}
        for way, values in medians.items():
            ratio = values["wall"] / medians["naive"]["wall"]
            found.add_row(
                f"{name}, {source.stat().st_size / 1e6:.1f} MB",
                way,
                f"{values['wall'] * 1000:.0f}",
                f"{values['cpu'] * 1000:.0f}",
                f"{values['peak'] / 2**20:.0f}",
                f"{values['made'] / 1000:.0f}",
                "1" if way == "naive" else f"{ratio:.2f} (goal {GOAL})",
            )
    return found


def _median(measured: list[dict[str, Any]], key: str) -> float:
    return statistics.median(float(each[key]) for each in measured)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=7)
    arguments.add_argument("--measure", nargs=2, metavar=("WAY", "SOURCE"), help="one measurement, as JSON")
    arguments.add_argument("--make", nargs=2, metavar=("SIZE", "PATH"), help="make one photograph, such as 3000x2000")
    given = arguments.parse_args()
    if given.measure:
        way, source = given.measure
        print(json.dumps(measure(way, Path(source))))
    elif given.make:
        width, _, height = given.make[0].partition("x")
        create_photo((int(width), int(height)), Path(given.make[1]))
    else:
        Console().print(build_table(given.runs))


if __name__ == "__main__":
    main()
