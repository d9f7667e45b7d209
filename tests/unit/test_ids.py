"""Ids: they sort by birth, carry their project, and nothing else is taken for one."""

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
def test_an_id_leads_to_its_project(project_id: str, own: str) -> None:
    assert ids.project_id_of(f"{project_id}-{own}") == project_id
    assert ids.local_part(f"{project_id}-{own}") == own


@given(st.text(max_size=50))
def test_no_other_text_leads_to_a_project(text: str) -> None:
    with pytest.raises(NotFound):
        ids.project_id_of(text)


@given(PROJECT_IDS, st.text(max_size=80), st.text(max_size=80))
def test_there_is_one_id_about_a_subject_in_a_project(project_id: str, one: str, other: str) -> None:
    found = ids.deterministic_id(project_id, one)

    assert ids.project_id_of(found) == project_id
    assert found == ids.deterministic_id(project_id, one)
    assert (found == ids.deterministic_id(project_id, other)) == (one == other)


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
def test_what_almost_looks_like_an_id_is_none(text: str) -> None:
    with pytest.raises(NotFound):
        ids.project_id_of(text)


@given(st.text("abc-0189", max_size=40), PROJECT_IDS, st.text(max_size=40))
def test_an_object_key_leads_to_its_project(slug: str, project_id: str, rest: str) -> None:
    assert ids.project_id_of_object_key(f"{slug}-{project_id}/{rest}") == project_id


@pytest.mark.parametrize("key", ["", "/", "short/files/x", "holiday-0123456789AB/files/x", "holiday-0123456789al/x"])
def test_a_foreign_key_leads_nowhere(key: str) -> None:
    with pytest.raises(NotFound):
        ids.project_id_of_object_key(key)


def test_ids_sort_by_birth(monkeypatch: pytest.MonkeyPatch) -> None:
    born = []
    for milliseconds in (0, 1, 2, 1000, 60_000, 86_400_000):
        monkeypatch.setattr(clock, "now", lambda later=milliseconds: FROZEN_TIME + timedelta(milliseconds=later))
        born.append(ids.new_id())

    assert born == sorted(born)
    assert all(ids.is_id(each) for each in born)


def test_ids_of_one_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: FROZEN_TIME)

    assert len({ids.new_id() for _ in range(1000)}) == 1000
    assert len({ids.new_project_id() for _ in range(1000)}) == 1000


def test_a_new_id_in_a_project_belongs_to_it() -> None:
    project_id = ids.new_project_id()

    assert ids.is_project_id(project_id)
    assert ids.project_id_of(ids.new_scoped_id(project_id)) == project_id


def test_the_personal_project_is_the_end_of_the_users_id() -> None:
    user_id = ids.new_id()

    assert ids.personal_project_id(user_id) == user_id[14:]
    assert ids.is_project_id(ids.personal_project_id(user_id))


@given(st.text(), st.integers(1, 64))
def test_a_shard_is_one_of_so_many_and_always_the_same(key: str, shards: int) -> None:
    found = ids.shard(key, shards)

    assert 0 <= found < shards
    assert ids.shard(key, shards) == found


def test_shards_are_used_evenly() -> None:
    counts = [0] * ids.SHARDS
    for _ in range(3200):
        counts[ids.shard(ids.new_id())] += 1

    assert min(counts) > 120
    assert max(counts) < 300


def test_a_secret_is_long_and_only_its_digest_is_compared() -> None:
    one, other = ids.new_secret(), ids.new_secret()

    assert len(one) == 26
    assert set(one) <= set(ALPHABET)
    assert one not in ids.sha256_hex(one)
    assert ids.constant_time_equal(ids.sha256_hex(one), ids.sha256_hex(one))
    assert not ids.constant_time_equal(ids.sha256_hex(one), ids.sha256_hex(other))
