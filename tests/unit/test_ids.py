"""IDs sort by creation time and contain their project. Texts of another format are rejected."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.platform import clock, ids
from holdall.platform.errors import NotFound
from tests.support.factories import FROZEN_TIME

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PROJECT_IDS = st.text(ALPHABET, min_size=12, max_size=12)
ULIDS = st.text(ALPHABET, min_size=26, max_size=26)


@given(PROJECT_IDS, ULIDS)
def test_id_contains_its_project(project_id: str, local: str) -> None:
    assert ids.project_id_of(f"{project_id}-{local}") == project_id
    assert ids.local_part(f"{project_id}-{local}") == local


@given(st.text(max_size=50))
def test_text_of_another_format_has_no_project(text: str) -> None:
    with pytest.raises(NotFound):
        ids.project_id_of(text)


@given(PROJECT_IDS, st.text(max_size=80), st.text(max_size=80))
def test_deterministic_id_depends_on_its_subject(project_id: str, one: str, other: str) -> None:
    id_ = ids.deterministic_id(project_id, one)

    assert ids.project_id_of(id_) == project_id
    assert id_ == ids.deterministic_id(project_id, one)
    assert (id_ == ids.deterministic_id(project_id, other)) == (one == other)


@pytest.mark.parametrize(
    "text",
    [
        "0123456789ab-01arz3ndektsv4rrffq69g5fav\n",
        "0123456789AB-01arz3ndektsv4rrffq69g5fav",
        "0123456789ai-01arz3ndektsv4rrffq69g5fav",
        "0123456789ab-01arz3ndektsv4rrffq69g5fa",
        "0123456789ab_01arz3ndektsv4rrffq69g5fav",
        "\u0660123456789ab-01arz3ndektsv4rrffq69g5fav",
    ],
)
def test_text_that_resembles_an_id_is_rejected(text: str) -> None:
    with pytest.raises(NotFound):
        ids.project_id_of(text)


@given(st.text("abc-0189", max_size=40), PROJECT_IDS, st.text(max_size=40))
def test_object_key_contains_its_project(slug: str, project_id: str, rest: str) -> None:
    assert ids.project_id_of_object_key(f"{slug}-{project_id}/{rest}") == project_id


@pytest.mark.parametrize("key", ["", "/", "short/files/x", "holiday-0123456789AB/files/x", "holiday-0123456789al/x"])
def test_object_key_of_another_format_has_no_project(key: str) -> None:
    with pytest.raises(NotFound):
        ids.project_id_of_object_key(key)


def test_ids_sort_by_creation_time(monkeypatch: pytest.MonkeyPatch) -> None:
    created = []
    for milliseconds in (0, 1, 2, 1000, 60_000, 86_400_000):
        monkeypatch.setattr(clock, "now", lambda later=milliseconds: FROZEN_TIME + timedelta(milliseconds=later))
        created.append(ids.new_id())

    assert created == sorted(created)
    assert all(ids.is_id(each) for each in created)


def test_ids_of_the_same_time_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: FROZEN_TIME)

    assert len({ids.new_id() for _ in range(1000)}) == 1000
    assert len({ids.new_project_id() for _ in range(1000)}) == 1000


def test_scoped_id_belongs_to_its_project() -> None:
    project_id = ids.new_project_id()

    assert ids.is_project_id(project_id)
    assert ids.project_id_of(ids.new_scoped_id(project_id)) == project_id


def test_personal_project_id_is_the_end_of_the_user_id() -> None:
    user_id = ids.new_id()

    assert ids.personal_project_id(user_id) == user_id[14:]
    assert ids.is_project_id(ids.personal_project_id(user_id))


@given(st.text(), st.integers(1, 64))
def test_shard_of_a_key_is_stable(key: str, shards: int) -> None:
    shard = ids.shard(key, shards)

    assert 0 <= shard < shards
    assert ids.shard(key, shards) == shard


def test_shards_are_used_evenly() -> None:
    counts = [0] * ids.SHARDS
    for _ in range(3200):
        counts[ids.shard(ids.new_id())] += 1

    assert min(counts) > 120
    assert max(counts) < 300


def test_secrets_are_long_and_compared_by_digest() -> None:
    one, other = ids.new_secret(), ids.new_secret()

    assert len(one) == 26
    assert set(one) <= set(ALPHABET)
    assert one not in ids.sha256_hex(one)
    assert ids.constant_time_equal(ids.sha256_hex(one), ids.sha256_hex(one))
    assert not ids.constant_time_equal(ids.sha256_hex(one), ids.sha256_hex(other))
