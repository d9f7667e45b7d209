"""The rendering of four variants: wall time, CPU time and peak memory, compared with a simple implementation.

    python -m bench images [--runs 7]

Each measurement is a new process, the implementations take turns, and results are medians. The time starts after the imports,
which a Lambda function does before its first message. The simple implementation opens the file for each variant, decodes it at
full size, resizes it with Lanczos, and saves it. The goal is at most 0.55 of its wall time. Nothing asserts the goal. With a
single free core, encoders cannot run in parallel, and the wall time is the CPU time.
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

from functions.imageproc.render import render
from holdall.projects.variant_specs import VariantSpec

GOAL: Final = 0.55
SPECS: Final = (
    VariantSpec(name="thumbnail", width=200, height=200, fit="cover"),
    VariantSpec(name="small", width=640, height=640),
    VariantSpec(name="medium", width=1280, height=1280),
    VariantSpec(name="large", width=1920, height=1920, format="avif", quality=50),
)
SIZES: Final = {"6 MP": (3000, 2000), "29 MP": (6600, 4400)}

_ROOT: Final = Path(__file__).parents[1]
_PHOTO: Final = _ROOT / "docs" / "demo" / "photo.jpg"
_PHOTO_DIR: Final = _ROOT / ".local" / "bench"


def render_holdall(source: Path, output_dir: Path) -> None:
    render(source, "image/jpeg", SPECS, output_dir)


def render_naive(source: Path, output_dir: Path) -> None:
    for spec in SPECS:
        with Image.open(source) as image:
            ImageOps.exif_transpose(image, in_place=True)
            fit = ImageOps.fit if spec.fit == "cover" else ImageOps.contain
            small = fit(image.convert("RGB"), (spec.width or 0, spec.height or 0), Image.Resampling.LANCZOS)
            options: dict[str, Any] = {"speed": 6} if spec.format == "avif" else {}
            small.save(output_dir / f"{spec.name}.{spec.format}", quality=spec.quality, **options)


IMPLEMENTATIONS: Final[dict[str, Callable[[Path, Path], None]]] = {"naive": render_naive, "holdall": render_holdall}


def measure(implementation: str, source: Path) -> dict[str, Any]:
    """Render once in this process. Return seconds of wall and CPU, peak bytes of the largest process, and bytes of output."""
    Image.init()
    with tempfile.TemporaryDirectory() as output_dir:
        wall, cpu = time.perf_counter(), _cpu_seconds()
        IMPLEMENTATIONS[implementation](source, Path(output_dir))
        wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
        output = sum(file.stat().st_size for file in Path(output_dir).iterdir())
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"wall": wall, "cpu": cpu, "peak": peak * (1 if sys.platform == "darwin" else 1024), "output": output}


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure_in_subprocess(implementation: str, source: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.images", "--measure", implementation, str(source)]
    process = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(process.stdout)
    return result


def cached_photo(width: int, height: int) -> Path:
    path = _PHOTO_DIR / f"photo-{width}x{height}.jpg"
    if not path.exists():
        # In another process, because on Linux the peak memory of a child starts with the memory of its parent.
        subprocess.run(
            [sys.executable, "-m", "bench.images", "--create", f"{width}x{height}", str(path)], cwd=_ROOT, check=True
        )
    return path


def create_photo(size: tuple[int, int], path: Path) -> None:
    """Create a photo of this size: the demo's photo, enlarged, with the texture and noise that an enlargement lacks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(_PHOTO) as photo:
        small = photo.convert("RGB")
    image = small.resize(size, Image.Resampling.BICUBIC)
    image = ImageChops.add(image, _texture_layer(small, size), 1, -128)
    ImageChops.add(image, _noise_layer(size), 1, -128).save(path, quality=95)


def _texture_layer(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
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
    table = Table(title=f"Four variants of a JPEG, median of {runs}, {os.cpu_count()} cores")
    for column in ("source", "implementation", "wall ms", "CPU ms", "peak MiB", "output kB", "wall / naive"):
        table.add_column(column, justify="left" if column in {"source", "implementation"} else "right")
    for name, (width, height) in SIZES.items():
        source = cached_photo(width, height)
        results: dict[str, list[dict[str, Any]]] = {implementation: [] for implementation in IMPLEMENTATIONS}
        for _ in range(runs):
            for implementation, measured in results.items():
                measured.append(measure_in_subprocess(implementation, source))
        medians = {
            implementation: {key: _median(measured, key) for key in measured[0]}
            for implementation, measured in results.items()
        }
        for implementation, values in medians.items():
            ratio = values["wall"] / medians["naive"]["wall"]
            table.add_row(
                f"{name}, {source.stat().st_size / 1e6:.1f} MB",
                implementation,
                f"{values['wall'] * 1000:.0f}",
                f"{values['cpu'] * 1000:.0f}",
                f"{values['peak'] / 2**20:.0f}",
                f"{values['output'] / 1000:.0f}",
                "1" if implementation == "naive" else f"{ratio:.2f} (goal {GOAL})",
            )
    return table


def _median(measured: list[dict[str, Any]], key: str) -> float:
    return statistics.median(float(each[key]) for each in measured)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument(
        "--measure", nargs=2, metavar=("IMPLEMENTATION", "SOURCE"), help="print one measurement as JSON"
    )
    parser.add_argument("--create", nargs=2, metavar=("SIZE", "PATH"), help="create a photo, such as 3000x2000")
    arguments = parser.parse_args()
    if arguments.measure:
        implementation, source = arguments.measure
        print(json.dumps(measure(implementation, Path(source))))
    elif arguments.create:
        width, _, height = arguments.create[0].partition("x")
        create_photo((int(width), int(height)), Path(arguments.create[1]))
    else:
        Console().print(build_table(arguments.runs))


if __name__ == "__main__":
    main()
