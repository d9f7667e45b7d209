"""What may be said of a new API key (Z3, Z5): its scopes, its end and its name."""

from typing import Any

import pytest

from holdall.errors import Forbidden
from holdall.keys import service
from holdall.keys.model import NewKey
from holdall.roles.permissions import PERMISSIONS
from tests.api.callers import caller, membership, place
from tests.api.client import Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock
from tests.api.members import code as refused
from tests.api.members import joined, listed, make


@pytest.mark.parametrize("scope", sorted(PERMISSIONS))
def test_a_key_carries_what_the_table_says_a_key_may(client: Client, room: str, scope: str) -> None:
    answer = make(client, room, scopes=[scope])
    if PERMISSIONS[scope].key_scope:
        assert answer.created()["scopes"] == [scope]
    else:
        assert refused(answer) == (422, "unknown_scope")
        assert [each["pointer"] for each in answer.problem()["errors"]] == ["/scopes/0"]
        assert listed(client, room) == []


@pytest.mark.parametrize(
    ("scopes", "pointer"),
    [
        (["files.read", "files.fly"], "/scopes/1"),
        (["FILES.READ"], "/scopes/0"),
        (["files.*"], "/scopes/0"),
        ([""], "/scopes/0"),
        (["files.read", "files.read"], "/scopes"),
        ([], "/scopes"),
        (["files.read"] * 51, "/scopes"),
        ("files.read", "/scopes"),
        (None, "/scopes"),
    ],
)
def test_scopes_that_mean_nothing_are_pointed_at(client: Client, room: str, scopes: Any, pointer: str) -> None:
    answer = make(client, room, scopes=scopes)

    assert answer.status == 422
    assert [each["pointer"] for each in answer.problem()["errors"]] == [pointer]
    assert listed(client, room) == []


def test_nobody_makes_a_key_that_may_more_than_they_do(client: Client, cloud: Cloud, room: str) -> None:
    """The door lets owners alone make keys; this holds by itself."""
    editor = joined(client, room, cloud, "editor")
    new = NewKey(name="Robot", scopes=["files.read", "files.purge"])
    with pytest.raises(Forbidden) as failure:
        service.create(caller(editor), place(room), membership(room, editor.user["id"]), new)

    assert failure.value.code == "beyond_own_rights"
    (told,) = cloud.rows("audit", action="keys.create")
    assert (told["actor"], told["target"], told["outcome"]) == (editor.user["id"], room, "denied")
    assert listed(client, room) == []


@pytest.mark.parametrize(
    "moment",
    [
        "2020-01-01T00:00:00Z",
        "2030-01-01T00:00:00",
        "2030-01-01",
        "2030-13-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "1893456000",
        1893456000,
        1893456000.5,
        True,
        "",
        "tomorrow",
        [],
    ],
)
def test_an_end_is_a_moment_to_come(client: Client, room: str, moment: Any) -> None:
    answer = make(client, room, expiresAt=moment)

    assert answer.status == 422
    assert [each["pointer"] for each in answer.problem()["errors"]] == ["/expiresAt"]
    assert listed(client, room) == []


def test_the_present_moment_is_no_moment_to_come(client: Client, room: str, frozen: Clock) -> None:
    now = frozen._now.isoformat()

    assert make(client, room, expiresAt=now).status == 422


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z"),
        ("2099-01-01T05:30:00+05:30", "2099-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        (None, None),
    ],
)
def test_an_end_is_shown_in_utc(client: Client, room: str, said: str | None, shown: str | None) -> None:
    assert make(client, room, expiresAt=said).created()["expiresAt"] == shown
    assert listed(client, room)[0]["expiresAt"] == shown


def test_a_name_is_one_line(client: Client, room: str) -> None:
    for name in ("", " ", "two\nlines", "x" * 101, None, 7):
        assert make(client, room, name=name).status == 422


@pytest.mark.parametrize("field", ["id", "key", "enabled", "createdBy", "digest", "membership", "lastUsedAt"])
def test_what_is_ours_to_say_is_refused(client: Client, room: str, field: str) -> None:
    (error,) = make(client, room, **{field: "x"}).problem()["errors"]

    assert (error["pointer"], error["code"]) == (f"/{field}", "unknown_field")
