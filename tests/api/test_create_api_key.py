"""What may be said of a new API key (Z3, Z5): its scopes, its end and its name."""

from typing import Any

import pytest

from holdall.api_keys import service
from holdall.api_keys.model import CreateApiKeyRequest
from holdall.platform.errors import Forbidden
from holdall.roles.permissions import PERMISSIONS
from tests.api.conftest import FrozenClock
from tests.support.aws import FakeAws
from tests.support.callers import get_membership_or_none, get_project, make_caller
from tests.support.client import Client
from tests.support.projects import create_member, list_api_keys, request_api_key
from tests.support.projects import status_and_code as refused


@pytest.mark.parametrize("scope", sorted(PERMISSIONS))
def test_a_key_carries_what_the_table_says_a_key_may(client: Client, shared_project: str, scope: str) -> None:
    answer = request_api_key(client, shared_project, scopes=[scope])
    if PERMISSIONS[scope].is_key_scope:
        assert answer.created()["scopes"] == [scope]
    else:
        assert refused(answer) == (422, "unknown_scope")
        assert [each["pointer"] for each in answer.problem()["errors"]] == ["/scopes/0"]
        assert list_api_keys(client, shared_project) == []


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
def test_scopes_that_mean_nothing_are_pointed_at(
    client: Client, shared_project: str, scopes: Any, pointer: str
) -> None:
    answer = request_api_key(client, shared_project, scopes=scopes)

    assert answer.status == 422
    assert [each["pointer"] for each in answer.problem()["errors"]] == [pointer]
    assert list_api_keys(client, shared_project) == []


def test_nobody_makes_a_key_that_may_more_than_they_do(client: Client, fake_aws: FakeAws, shared_project: str) -> None:
    """The door lets owners alone make keys; this holds by itself."""
    editor = create_member(client, shared_project, fake_aws, "editor")
    new = CreateApiKeyRequest(name="Robot", scopes=["files.read", "files.purge"])
    with pytest.raises(Forbidden) as failure:
        service.create(
            make_caller(editor),
            get_project(shared_project),
            get_membership_or_none(shared_project, editor.user["id"]),
            new,
        )

    assert failure.value.code == "beyond_own_rights"
    (told,) = fake_aws.find_rows("audit", action="api_keys.create")
    assert (told["actor"], told["target"], told["outcome"]) == (editor.user["id"], shared_project, "denied")
    assert list_api_keys(client, shared_project) == []


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
def test_an_end_is_a_moment_to_come(client: Client, shared_project: str, moment: Any) -> None:
    answer = request_api_key(client, shared_project, expiresAt=moment)

    assert answer.status == 422
    assert [each["pointer"] for each in answer.problem()["errors"]] == ["/expiresAt"]
    assert list_api_keys(client, shared_project) == []


def test_the_present_moment_is_no_moment_to_come(
    client: Client, shared_project: str, frozen_clock: FrozenClock
) -> None:
    now = frozen_clock._now.isoformat()

    assert request_api_key(client, shared_project, expiresAt=now).status == 422


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z"),
        ("2099-01-01T05:30:00+05:30", "2099-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        (None, None),
    ],
)
def test_an_end_is_shown_in_utc(client: Client, shared_project: str, said: str | None, shown: str | None) -> None:
    assert request_api_key(client, shared_project, expiresAt=said).created()["expiresAt"] == shown
    assert list_api_keys(client, shared_project)[0]["expiresAt"] == shown


def test_a_name_is_one_line(client: Client, shared_project: str) -> None:
    for name in ("", " ", "two\nlines", "x" * 101, None, 7):
        assert request_api_key(client, shared_project, name=name).status == 422


@pytest.mark.parametrize("field", ["id", "key", "enabled", "createdBy", "digest", "membership", "lastUsedAt"])
def test_what_is_ours_to_say_is_refused(client: Client, shared_project: str, field: str) -> None:
    (error,) = request_api_key(client, shared_project, **{field: "x"}).problem()["errors"]

    assert (error["pointer"], error["code"]) == (f"/{field}", "unknown_field")
