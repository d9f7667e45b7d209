"""Ids: they sort by birth, carry their project, and nothing else is taken for one."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall import clock, ids
from holdall.errors import NotFound
from tests.unit.makers import MOMENT

LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
PROJECTS = st.text(LETTERS, min_size=12, max_size=12)
OWN = st.text(LETTERS, min_size=26, max_size=26)


@given(PROJECTS, OWN)
def test_an_id_leads_to_its_project(project_id: str, own: str) -> None:
    assert ids.project_of(f"{project_id}-{own}") == project_id
    assert ids.own_part(f"{project_id}-{own}") == own


@given(st.text(max_size=50))
def test_no_other_text_leads_to_a_project(text: str) -> None:
    with pytest.raises(NotFound):
        ids.project_of(text)


@given(PROJECTS, OWN)
def test_the_id_of_a_key_names_its_project_its_maker_and_its_birth(project_id: str, maker_id: str) -> None:
    key_id = ids.new_key_id(project_id, maker_id)

    assert ids.is_key_id(key_id)
    assert key_id.split("-")[:2] == [project_id, maker_id]
    assert ids.is_id(ids.birth_of_key(key_id))
    assert key_id.endswith(ids.birth_of_key(key_id))
    with pytest.raises(NotFound):
        ids.project_of(key_id)  # no id of a file, and none that leads to a row of another kind


@given(PROJECTS, OWN, OWN)
def test_nothing_else_is_the_id_of_a_key(project_id: str, maker_id: str, own: str) -> None:
    key_id = f"{project_id}-{maker_id}-{own}"
    others = (
        f"{project_id}-{own}",
        f"{key_id}\n",
        f"{key_id}0",
        key_id[1:],
        key_id.replace("-", "_"),
        f"{maker_id}-{project_id}-{own}",
        f"{key_id}-{own}",
        f"{project_id}-{maker_id[:-1]}l-{own}",
    )
    assert [other for other in others if ids.is_key_id(other)] == []


@given(PROJECTS, st.text(max_size=80), st.text(max_size=80))
def test_there_is_one_id_about_a_subject_in_a_project(project_id: str, one: str, other: str) -> None:
    found = ids.id_about(project_id, one)

    assert ids.project_of(found) == project_id
    assert found == ids.id_about(project_id, one)
    assert (found == ids.id_about(project_id, other)) == (one == other)


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
        ids.project_of(text)


@given(st.text("abc-0189", max_size=40), PROJECTS, st.text(max_size=40))
def test_an_object_key_leads_to_its_project(slug: str, project_id: str, rest: str) -> None:
    assert ids.project_of_key(f"{slug}-{project_id}/{rest}") == project_id


@pytest.mark.parametrize("key", ["", "/", "short/files/x", "holiday-0123456789AB/files/x", "holiday-0123456789al/x"])
def test_a_foreign_key_leads_nowhere(key: str) -> None:
    with pytest.raises(NotFound):
        ids.project_of_key(key)


def test_ids_sort_by_birth(monkeypatch: pytest.MonkeyPatch) -> None:
    born = []
    for milliseconds in (0, 1, 2, 1000, 60_000, 86_400_000):
        monkeypatch.setattr(clock, "now", lambda later=milliseconds: MOMENT + timedelta(milliseconds=later))
        born.append(ids.new_id())

    assert born == sorted(born)
    assert all(ids.is_id(each) for each in born)


def test_ids_of_one_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: MOMENT)

    assert len({ids.new_id() for _ in range(1000)}) == 1000
    assert len({ids.new_project_id() for _ in range(1000)}) == 1000


def test_a_new_id_in_a_project_belongs_to_it() -> None:
    project_id = ids.new_project_id()

    assert ids.is_project_id(project_id)
    assert ids.project_of(ids.new_id_in(project_id)) == project_id


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
    assert set(one) <= set(LETTERS)
    assert one not in ids.digest(one)
    assert ids.same(ids.digest(one), ids.digest(one))
    assert not ids.same(ids.digest(one), ids.digest(other))
