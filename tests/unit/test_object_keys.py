"""Object keys. Only a short extension of the client's file name reaches them, and they contain the version ID."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.files.model import (
    IMAGE_TYPES,
    FileState,
    VariantPrefix,
    kind_of,
    original_key,
    planned_variants,
    prefix_for,
    unprefixed_key,
    version_id_of,
)
from holdall.platform import ids
from holdall.projects.model import Visibility
from holdall.projects.variant_specs import VariantSpec
from tests.support.factories import PROJECT_ID, THUMB, make_project

ULIDS = st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=26, max_size=26)
CONTENT_TYPES = st.sampled_from([*IMAGE_TYPES, "text/plain", "image/svg+xml", "application/pdf"])


@given(ULIDS, st.text(max_size=255), CONTENT_TYPES)
def test_original_key_contains_the_version_id(ulid: str, filename: str, content_type: str) -> None:
    version_id = f"{PROJECT_ID}-{ulid}"
    key = original_key(make_project(), version_id, filename, content_type)

    assert version_id_of(key) == version_id
    assert ids.project_id_of_object_key(key) == PROJECT_ID
    folder = "images/original" if kind_of(content_type) == "image" else "files"
    assert re.fullmatch(rf"holiday-{PROJECT_ID}/{folder}/{ulid}\.[a-z0-9]{{1,10}}", key)


@pytest.mark.parametrize(
    ("filename", "content_type", "extension"),
    [
        ("photo.PNG", "image/jpeg", "jpg"),
        ("notes.TXT", "text/plain", "txt"),
        ("archive.tar.gz", "application/gzip", "gz"),
        ("notes", "text/plain", "bin"),
        ("notes.verylongextension", "text/plain", "bin"),
        ("notes.t/x", "text/plain", "bin"),
        ("notes.té", "text/plain", "bin"),
        ("picture.svg", "image/svg+xml", "svg"),
    ],
)
def test_extension_comes_from_the_type_or_from_a_short_plain_suffix(
    filename: str, content_type: str, extension: str
) -> None:
    assert (
        original_key(make_project(), f"{PROJECT_ID}-{'0' * 26}", filename, content_type).rpartition(".")[2] == extension
    )


@pytest.mark.parametrize(
    "key",
    [
        "",
        f"holiday-{PROJECT_ID}/files/{'0' * 26}",
        f"holiday-{PROJECT_ID}/files/{'0' * 25}.jpg",
        f"holiday-{PROJECT_ID}/other/{'0' * 26}.jpg",
        f"media/holiday-{PROJECT_ID}/files/{'0' * 26}.jpg",
        f"holiday-{PROJECT_ID}/files/{'0' * 26}.jpg/x",
        f"holiday-{PROJECT_ID}/files/{'0' * 26}.jpg\n",
        f"holiday-{PROJECT_ID}/images/{'0' * 26}.jpg",
    ],
)
def test_other_keys_have_no_version_id(key: str) -> None:
    assert version_id_of(key) is None


@given(st.text(max_size=200))
def test_arbitrary_text_has_no_version_id(text: str) -> None:
    assert version_id_of(text) is None


@pytest.mark.parametrize(
    ("visibility", "state", "prefix"),
    [
        ("public", "live", "media"),
        ("public", "trash", "private"),
        ("public", "purging", "private"),
        ("private", "live", "private"),
        ("private", "trash", "private"),
        ("private", "purging", "private"),
    ],
)
def test_only_live_files_of_public_projects_are_public(
    visibility: Visibility, state: FileState, prefix: VariantPrefix
) -> None:
    assert prefix_for(make_project(visibility=visibility), state) == prefix


def test_variant_key_contains_version_and_spec_hash() -> None:
    ulid = "01arz3ndektsv4rrffq69g5fav"
    jpeg = VariantSpec(name="small", width=640, format="jpeg")

    assert unprefixed_key(make_project(), f"{PROJECT_ID}-{ulid}", THUMB) == (
        f"holiday-{PROJECT_ID}/images/thumb/{ulid}-{THUMB.spec_hash}.webp"
    )
    assert unprefixed_key(make_project(), f"{PROJECT_ID}-{ulid}", jpeg).endswith(f"{jpeg.spec_hash}.jpg")


def test_variants_are_planned_before_they_are_rendered() -> None:
    version_id = f"{PROJECT_ID}-{'0' * 26}"
    (variant,) = planned_variants(make_project(), version_id, "media")

    assert variant.key == f"media/{unprefixed_key(make_project(), version_id, THUMB)}"
    assert (variant.status, variant.content_type, variant.width) == ("processing", "image/webp", None)


@given(ULIDS, st.sampled_from(["media", "private"]))
def test_moved_variant_keeps_its_unprefixed_key(ulid: str, prefix: VariantPrefix) -> None:
    (variant,) = planned_variants(make_project(), f"{PROJECT_ID}-{ulid}", "media")
    moved = variant.with_prefix(prefix)

    assert moved.key.startswith(f"{prefix}/holiday-")
    assert moved.is_public == (prefix == "media")
    assert moved.unprefixed_key == variant.unprefixed_key
    assert moved.with_prefix("media") == variant


@pytest.mark.parametrize(
    "content_type", ["image/svg+xml", "image/x-icon", "text/plain", "application/pdf", "video/mp4"]
)
def test_types_that_are_not_rendered_have_the_kind_file(content_type: str) -> None:
    assert kind_of(content_type) == "file"
