"""The composite checksum of an object from parts (U4)."""

import hashlib
from collections.abc import Sequence

import pytest

from holdall.platform.multipart import Part, composite_sha256

MIB = 1024**2
CONTENTS = (b"a" * 5 * MIB, b"b" * 5 * MIB, b"c")
CHECKSUM = "1L0WPZtI3+6c2Dv9C9FdeO5+XonN2Op759p9E/VHVzQ=-3"  # what MinIO returned for the object of these parts


def parts_of(contents: Sequence[bytes]) -> list[Part]:
    return [
        Part(number, len(content), f'"{number}"', hashlib.sha256(content).hexdigest())
        for number, content in enumerate(contents, 1)
    ]


def test_composite_checksum_is_that_of_the_server() -> None:
    assert composite_sha256(parts_of(CONTENTS)) == CHECKSUM


@pytest.mark.parametrize(
    "others", [CONTENTS[:2], (*CONTENTS, b""), CONTENTS[::-1], (b"ab", b"c")], ids=["fewer", "more", "order", "split"]
)
def test_other_parts_have_another_composite_checksum(others: Sequence[bytes]) -> None:
    assert composite_sha256(parts_of(others)) != CHECKSUM


def test_parts_without_checksums_have_no_composite_checksum() -> None:
    first, *others = parts_of(CONTENTS)
    without = Part(first.number, first.size, first.etag)

    assert composite_sha256([without, *others]) is None
    assert composite_sha256([]) is None
