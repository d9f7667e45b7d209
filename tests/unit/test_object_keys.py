"""Object keys: nothing of a client reaches them but a short extension, and they lead back."""

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
    variant_key,
    version_id_of,
    with_prefix,
)
from holdall.platform import ids
from holdall.projects.model import VariantSpec, Visibility
from tests.support.factories import PROJECT_ID, THUMB, make_project

ULIDS = st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=26, max_size=26)
CONTENT_TYPES = st.sampled_from([*IMAGE_TYPES, "text/plain", "image/svg+xml", "application/pdf"])


@given(ULIDS, st.text(max_size=255), CONTENT_TYPES)
def test_the_key_of_an_original_leads_back_to_its_version(own: str, filename: str, content_type: str) -> None:
    version_id = f"{PROJECT_ID}-{own}"
    key = original_key(make_project(), version_id, filename, content_type)

    assert version_id_of(key) == version_id
    assert ids.project_id_of_object_key(key) == PROJECT_ID
    folder = "images/original" if kind_of(content_type) == "image" else "files"
    assert re.fullmatch(rf"holiday-{PROJECT_ID}/{folder}/{own}\.[a-z0-9]{{1,10}}", key)


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
def test_an_extension_is_the_types_or_a_short_plain_one(filename: str, content_type: str, extension: str) -> None:
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
def test_another_key_is_none_of_ours(key: str) -> None:
    assert version_id_of(key) is None


@given(st.text(max_size=200))
def test_any_text_is_a_key_of_ours_or_none(text: str) -> None:
    assert version_id_of(text) is None


@pytest.mark.parametrize(
    ("visibility", "state", "shelf"),
    [
        ("public", "live", "media"),
        ("public", "trash", "private"),
        ("public", "purging", "private"),
        ("private", "live", "private"),
        ("private", "trash", "private"),
        ("private", "purging", "private"),
    ],
)
def test_only_what_is_live_in_a_public_project_may_be_seen(
    visibility: Visibility, state: FileState, shelf: VariantPrefix
) -> None:
    assert prefix_for(make_project(visibility=visibility), state) == shelf


def test_the_key_of_a_variant_holds_its_version_and_the_hash_of_its_spec() -> None:
    own = "01arz3ndektsv4rrffq69g5fav"
    jpeg = VariantSpec(name="small", width=640, format="jpeg")

    assert variant_key(make_project(), f"{PROJECT_ID}-{own}", THUMB, "media") == (
        f"media/holiday-{PROJECT_ID}/images/thumb/{own}-{THUMB.spec_hash}.webp"
    )
    assert variant_key(make_project(), f"{PROJECT_ID}-{own}", jpeg, "private").endswith(f"{jpeg.spec_hash}.jpg")


def test_variants_are_known_before_they_are_drawn() -> None:
    version_id = f"{PROJECT_ID}-{'0' * 26}"
    (promised,) = planned_variants(make_project(), version_id, "media")

    assert promised.key == variant_key(make_project(), version_id, THUMB, "media")
    assert (promised.status, promised.content_type, promised.width) == ("processing", "image/webp", None)


@given(ULIDS, st.sampled_from(["media", "private"]))
def test_a_variant_moves_between_shelves_and_keeps_the_rest_of_its_key(own: str, shelf: VariantPrefix) -> None:
    key = variant_key(make_project(), f"{PROJECT_ID}-{own}", THUMB, "media")

    assert with_prefix(with_prefix(key, shelf), "media") == key
    assert with_prefix(key, shelf).startswith(f"{shelf}/holiday-")


@pytest.mark.parametrize(
    "content_type", ["image/svg+xml", "image/x-icon", "text/plain", "application/pdf", "video/mp4"]
)
def test_what_is_not_drawn_is_a_file(content_type: str) -> None:
    assert kind_of(content_type) == "file"
