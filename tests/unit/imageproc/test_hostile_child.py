"""The worker believes nothing that the child says: a bug of a decoder may have handed the child to an attacker."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.imageproc import render as render_module
from functions.imageproc.rejection import Rejected
from functions.imageproc.render import render
from holdall.variants.model import RenderResult
from tests.support.image_renderer import THUMB
from tests.support.image_samples import encode, sample_image

_PNG = encode(sample_image(16, 11), "PNG")
_VALID: dict[str, Any] = {"size": [48, 32], "variant_sizes": [[16, 11]]}


@pytest.fixture
def render_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RenderResult]:
    """Render one variant by a child that does and answers what the test wants."""
    (tmp_path / "source").write_bytes(encode(sample_image(), "PNG"))

    def render_one(answer: bytes | dict[str, Any], write: Callable[[Path], object] | None) -> RenderResult:
        def answer_as_child(*_: Any) -> bytes:
            if write is not None:
                write(tmp_path / "00.png")
            return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

        monkeypatch.setattr(render_module, "run_in_child", answer_as_child)
        return render(tmp_path / "source", "image/png", [THUMB], tmp_path)

    return render_one


def _write(path: Path) -> None:
    path.write_bytes(_PNG)


def test_honest_answer_is_accepted(render_by: Callable[..., RenderResult], tmp_path: Path) -> None:
    (variant,) = render_by(_VALID, _write).variants
    assert (variant.name, variant.path, variant.width, variant.height) == ("thumb", tmp_path / "00.png", 16, 11)
    assert variant.size == len(_PNG)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        {**_VALID, "variant_sizes": []},
        {**_VALID, "variant_sizes": [[16, 11], [16, 11]]},
        {**_VALID, "variant_sizes": [[0, 11]]},
        {**_VALID, "variant_sizes": [[17, 11]]},
        {**_VALID, "variant_sizes": [["16", 11]]},
        {**_VALID, "size": [48, -1]},
        {**_VALID, "size": [48, 16_385]},
        {**_VALID, "size": [48]},
        {**_VALID, "path": "/etc/passwd"},
        {"rejected": ["an_own_code", "Detail."]},
        {"rejected": ["broken_image", "x" * 501]},
    ],
    ids=str,
)  # fmt: skip
def test_answer_that_no_decoder_gives_is_a_result(
    render_by: Callable[..., RenderResult], answer: bytes | dict[str, Any]
) -> None:
    with pytest.raises(Rejected) as rejected:
        render_by(answer, _write)
    assert rejected.value.code == "decoder_crashed"


def _write_and_link(path: Path) -> None:
    _write(path.with_name("other"))
    os.link(path.with_name("other"), path)


def _write_and_symlink(path: Path) -> None:
    _write(path.with_name("other"))
    path.symlink_to("other")


@pytest.mark.parametrize(
    "write",
    [
        None,
        lambda path: path.mkdir(),
        os.mkfifo,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"<script>"),
        lambda path: path.write_bytes(encode(sample_image(16, 11), "JPEG")),
        _write_and_symlink,
        _write_and_link,
    ],
    ids=["missing", "folder", "pipe", "empty", "text", "another-format", "symbolic-link", "link"],
)
def test_variant_that_is_no_file_of_its_format_is_a_result(
    render_by: Callable[..., RenderResult], write: Callable[[Path], object] | None
) -> None:
    with pytest.raises(Rejected) as rejected:
        render_by(_VALID, write)
    assert rejected.value.code == "decoder_crashed"
