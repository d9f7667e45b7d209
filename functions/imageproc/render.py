"""Make the variants of one image: a source file and specs in, files out, or a reason why it can never be."""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from functions.imageproc.encode import CONTENT_TYPES, encode
from functions.imageproc.isolation import Limits, run
from functions.imageproc.picture import Picture, Rejected, Rendered, Spec
from functions.imageproc.pixels import Shot, understood
from functions.imageproc.probe import header, probe

__all__ = ["Limits", "Picture", "Rejected", "Rendered", "Spec", "probe", "render"]

# Encoders release the interpreter's lock. More at once than cores would only hold more pixels in memory.
_WORKERS: Final = max(2, min(4, os.cpu_count() or 2))
_LARGE: Final = 4_000_000  # pixels


def render(
    source: Path, specs: Sequence[Spec], into: Path, *, declared: str | None = None, limits: Limits | None = None
) -> Picture:
    """Make every variant of `specs` from the image in `source`, as files in the folder `into`.

    Of an animation the first frame is shown. Variants are upright, in sRGB, and carry pixels and no metadata.
    `declared` is the content type that the client named, which must be what the bytes are; None asks for no comparison.
    Raises Rejected for a source that no other try could render, OSError when `source` or `into` fail, TimeoutError when
    the machine was too busy. Takes one child process, and up to `limits.memory` bytes in it.
    """
    content_type = probe(source, declared)
    work = partial(_answer, source, content_type, tuple(specs), into)
    answer = json.loads(run(work, limits or Limits()))
    if "rejected" in answer:
        raise Rejected(*answer["rejected"])
    if "failed" in answer:
        raise OSError(*answer["failed"])
    return _picture(answer["picture"])


def _picture(fields: dict[str, Any]) -> Picture:
    variants = (Rendered(**{**variant, "path": Path(variant["path"])}) for variant in fields.pop("variants"))
    return Picture(**fields, variants=tuple(variants))


def _answer(source: Path, content_type: str, specs: tuple[Spec, ...], into: Path) -> bytes:
    # Plain JSON: a child that a bug of a decoder took over must not choose what the worker unpickles.
    try:
        return json.dumps({"picture": asdict(_rendered(source, content_type, specs, into))}, default=str).encode()
    except Rejected as rejected:
        return json.dumps({"rejected": [rejected.code, rejected.detail]}).encode()
    except OSError as error:
        return json.dumps({"failed": [error.errno, error.strerror, error.filename]}, default=str).encode()


def _rendered(source: Path, content_type: str, specs: tuple[Spec, ...], into: Path) -> Picture:
    data = source.read_bytes()
    with _rejecting("broken_image", "The image is broken or cut off"):
        picture, shots = understood(data, header(data, content_type), specs)
    del data
    return replace(picture, variants=_variants(shots, into))


def _variants(shots: list[Shot], into: Path) -> tuple[Rendered, ...]:
    # The dearest first, so that none is left to run alone. Large ones go one by one: AVIF takes 40 bytes for a pixel.
    order = sorted(range(len(shots)), key=lambda number: shots[number].cost, reverse=True)
    large = [number for number in order if shots[number].pixels > _LARGE]
    small = [number for number in order if shots[number].pixels <= _LARGE]
    made = {number: _variant(into, number, shots[number]) for number in large}
    with ThreadPoolExecutor(_WORKERS) as pool:
        made |= zip(small, pool.map(lambda number: _variant(into, number, shots[number]), small), strict=True)
    return tuple(made[number] for number in range(len(shots)))


def _variant(into: Path, number: int, shot: Shot) -> Rendered:
    spec = shot.spec
    with _rejecting("cannot_encode", f"The variant {spec.name!r} cannot be made"):
        image = shot.take()
        encoded = encode(image, spec.format, spec.quality)
    path = into / f"{number:02}.{spec.format}"
    path.write_bytes(encoded)
    return Rendered(spec.name, path, image.width, image.height, CONTENT_TYPES[spec.format], len(encoded))


@contextmanager
def _rejecting(code: str, detail: str) -> Iterator[None]:
    """Turn every failure inside into a rejection. Nothing inside does input or output: the bytes are in memory.

    Pillow raises OSError, SyntaxError, ValueError, IndexError, struct.error and more for broken bytes, so none is
    named.
    """
    try:
        yield
    except Rejected:
        raise
    except MemoryError as error:
        raise Rejected("too_demanding", "The image takes more memory than one image may.") from error
    except Exception as error:
        raise Rejected(code, f"{detail} ({type(error).__name__}).") from error
