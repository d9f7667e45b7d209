"""Doors: whose network it is, what a flag asks for, and who counts as come through the distribution."""

from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from holdall.api_keys.service import ApiKeyCredentials as KeyClaims
from holdall.http import auth, credentials
from holdall.http.auth import Guard
from holdall.iam.model import SessionCredentials
from holdall.iam.service import sessions
from holdall.platform.caller import Caller
from holdall.platform.errors import BadRequest, Forbidden, NotFound, Unauthenticated
from holdall.platform.table import Pending
from holdall.projects.model import Membership, Project, ProjectStatus, Role
from holdall.projects.service import access
from holdall.projects.service.access import ProjectAccess
from holdall.roles import permissions
from tests.support import factories

DELETE_GUARD = Guard("permission", "files.write", ("fileId",), {"permanent": "files.purge"})
FLAG_VALUES = st.sampled_from(
    ["true", "TRUE", "True", "1", "on", "yes", "y", "t", "T", "0", "false", "no", "off", "2", ""]
)


def make_event(query: dict[str, str] | None = None, **headers: str) -> APIGatewayProxyEventV2:
    told: dict[str, Any] = {
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "queryStringParameters": query or {},
        "rawPath": "/api/v1/files",
        "requestContext": {
            "stage": "$default",
            "http": {"sourceIp": "192.0.2.7", "method": "POST", "path": "/api/v1/files"},
        },
    }
    return APIGatewayProxyEventV2(told)


@given(FLAG_VALUES | st.text(max_size=6))
def test_a_flag_that_the_route_takes_for_true_the_door_takes_for_true(text: str) -> None:
    try:
        true = TypeAdapter(bool).validate_python(text)
    except ValidationError:
        return  # the route refuses it
    editor = permissions.get_project_role_permissions("editor")
    if true:
        with pytest.raises(Forbidden):
            DELETE_GUARD._check_permissions(editor, make_event({"permanent": text}))
    else:
        DELETE_GUARD._check_permissions(editor, make_event({"permanent": text}))


def test_a_permission_is_needed_and_so_is_that_of_a_flag() -> None:
    with pytest.raises(Forbidden):
        DELETE_GUARD._check_permissions(permissions.get_project_role_permissions("viewer"), make_event())
    DELETE_GUARD._check_permissions(permissions.get_project_role_permissions("editor"), make_event())
    DELETE_GUARD._check_permissions(
        permissions.get_project_role_permissions("owner"), make_event({"permanent": "true"})
    )


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
        ("192.0.2.7, 198.51.100.1", "unknown"),
        ("192.0.2.7\r\nx: y", "unknown"),
    ],
)
def test_an_address_belongs_to_a_network(address: str, network: str) -> None:
    assert auth._network(address) == network


def test_the_viewers_address_is_believed_from_the_distribution() -> None:
    came = make_event(x_holdall_origin_verify="edge-secret-of-tests", x_holdall_viewer="198.51.100.1")

    assert auth._client_info(came).ip == "198.51.100.1"


@pytest.mark.parametrize("secret", ["", "wrong", "edge-secret-of-test", "edge-secret-of-tests ", "é"])
def test_from_anybody_else_the_gateways_peer_is_believed(secret: str) -> None:
    came = make_event(x_holdall_origin_verify=secret, x_holdall_viewer="198.51.100.1")

    assert auth._client_info(came).ip == "192.0.2.7"


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer a b", "token", "Bearer é"])
def test_no_other_authorization_is_read(header: str) -> None:
    with pytest.raises(Unauthenticated):
        credentials.read_credentials(make_event(authorization=header))


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", " Bearer  abc "])
def test_a_bearer_token_is_read(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "verify_access_token", lambda token: SessionCredentials(token, ""))

    assert credentials.read_credentials(make_event(authorization=header)) == SessionCredentials("abc", "")


COOKIE = f"hc_{'0' * 26}_{'1' * 26}_{'2' * 26}"


@pytest.mark.parametrize(
    "header",
    [f"__Host-session={COOKIE}", f"a=b; __Host-session={COOKIE};c", f"__Host-sessions=x;__Host-session={COOKIE}"],
)
def test_a_cookie_is_read(header: str) -> None:
    assert credentials.read_credentials(make_event(cookie=header)) == SessionCredentials("0" * 26, "1" * 26, "2" * 26)


@pytest.mark.parametrize(
    "value", ["x", "hc_", COOKIE[:-1], COOKIE + "_", COOKIE.upper(), "hr" + COOKIE[2:], COOKIE + "é"]
)
def test_no_other_cookie_is_read(value: str) -> None:
    with pytest.raises(Unauthenticated):
        credentials.read_credentials(make_event(cookie=f"__Host-session={value}"))


def test_two_words_at_once_are_refused() -> None:
    with pytest.raises(BadRequest) as failure:
        credentials.read_credentials(make_event(cookie=f"__Host-session={COOKIE}", authorization="Bearer abc"))
    assert failure.value.code == "ambiguous_credentials"


PROJECT, CREATOR, KEY_ULID = "a" * 12, "b" * 26, "c" * 26
KEY_ID = f"{PROJECT}-{CREATOR}-{KEY_ULID}"
KEY = f"hk_{KEY_ID}_{'d' * 26}"


@pytest.mark.parametrize("header", [KEY, f" {KEY}", f"{KEY}  "])
def test_a_key_is_read_and_names_its_project_and_maker(header: str) -> None:
    assert credentials.read_credentials(make_event(x_api_key=header)) == KeyClaims(KEY_ID, PROJECT, CREATOR, "d" * 26)


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "x",
        KEY[:-1],
        f"{KEY}0",
        f"{KEY}\nx",
        KEY.upper(),
        f"hi{KEY[2:]}",
        f"Bearer {KEY}",
        f"hk_{KEY_ULID}_{'d' * 26}",
    ],
)
def test_no_other_key_is_read(header: str) -> None:
    with pytest.raises(Unauthenticated) as failure:
        credentials.read_credentials(make_event(x_api_key=header))
    assert failure.value.code == "invalid_token"


@pytest.mark.parametrize(
    "shown",
    [
        {"x_api_key": KEY, "authorization": "Bearer abc"},
        {"x_api_key": KEY, "cookie": f"__Host-session={COOKIE}"},
        {"x_api_key": "", "authorization": ""},
        {"x_api_key": KEY, "authorization": "", "cookie": f"__Host-session={COOKIE}"},
    ],
)
def test_a_key_comes_alone(shown: dict[str, str]) -> None:
    with pytest.raises(BadRequest) as failure:
        credentials.read_credentials(make_event(None, **shown))
    assert failure.value.code == "ambiguous_credentials"


def test_a_cookie_that_names_nobody_may_lie_beside_a_key() -> None:
    """It binds a sign-in that was begun to its browser."""
    shown = make_event(x_api_key=KEY, cookie="__Host-session=ho_state")

    assert credentials.read_credentials(shown) == KeyClaims(KEY_ID, PROJECT, CREATOR, "d" * 26)


def make_caller(**overrides: Any) -> Caller:
    return Caller("192.0.2.7", "agent", "request", "user", "session", frozenset(), **overrides)


def test_a_key_is_counted_and_remembered_apart_from_its_maker() -> None:
    assert make_caller().principal_id == "user"
    assert make_caller(key_id=KEY_ID).principal_id == KEY_ID
    mine, keys = (
        auth._idempotency_key(make_event(idempotency_key="same"), who.principal_id)
        for who in (make_caller(), make_caller(key_id="k"))
    )
    assert mine is not None
    assert keys is not None
    assert mine.key_sha256 != keys.key_sha256


DELETED_PROJECT_CASES: list[tuple[ProjectStatus, dict[str, str], dict[str, str], bool]] = [
    # status / how the door takes deleted ones / the query / whether it lets in
    ("active", {}, {}, True),
    ("active", {"allow_deleted": "always"}, {}, True),
    ("active", {"allow_deleted": "permanent"}, {"permanent": "true"}, True),
    ("deleted", {}, {}, False),
    ("deleted", {}, {"permanent": "true"}, False),
    ("deleted", {}, {"": "true"}, False),
    ("deleted", {"allow_deleted": "always"}, {}, True),
    ("deleted", {"allow_deleted": "permanent"}, {}, False),
    ("deleted", {"allow_deleted": "permanent"}, {"permanent": "false"}, False),
    ("deleted", {"allow_deleted": "permanent"}, {"permanent": "true"}, True),
    ("deleted", {"allow_deleted": "permanent"}, {"permanent": "ON"}, True),
    ("deleted", {"allow_deleted": "permanent"}, {"always": "true"}, False),
    ("purging", {"allow_deleted": "always"}, {}, False),
    ("purging", {"allow_deleted": "permanent"}, {"permanent": "true"}, False),
]


@pytest.mark.parametrize(("status", "told", "query", "enters"), DELETED_PROJECT_CASES)
@pytest.mark.parametrize("anywhere", [False, True])
def test_a_door_leads_into_a_deleted_project_where_it_says_so(
    status: ProjectStatus, told: dict[str, str], query: dict[str, str], *, enters: bool, anywhere: bool
) -> None:
    door = Guard("permission", "projects.delete", ("projectId",), **told)  # type: ignore[arg-type]
    taken = door._allows_deleted(make_event(query))
    found = project_access(status, None if anywhere else "viewer")
    if enters:
        role = "owner" if anywhere else "viewer"
        assert access.authorize(found, all_projects=anywhere, allow_deleted=taken) == (found.project.value, role)
    else:
        with pytest.raises(NotFound):
            access.authorize(found, all_projects=anywhere, allow_deleted=taken)


def project_access(status: ProjectStatus | None, role: Role | None) -> ProjectAccess:
    """What was read of a project in this state, and of a visitor with this role."""
    project: Pending[Project] = Pending()
    member: Pending[Membership] = Pending()
    project.set(factories.make_project().model_copy(update={"status": status}) if status else None)
    member.set(Membership("0" * 26, factories.PROJECT_ID, "1" * 26, role, factories.FROZEN_TIME) if role else None)
    return ProjectAccess(project, member)


def test_who_is_no_member_finds_nothing_and_a_role_goes_before_the_right_to_go_anywhere() -> None:
    for found in (project_access("active", None), project_access(None, None), project_access(None, "owner")):
        with pytest.raises(NotFound):
            access.authorize(found)
    assert access.authorize(project_access("active", "viewer"), all_projects=True)[1] == "viewer"
    with pytest.raises(NotFound):
        access.authorize(project_access(None, None), all_projects=True)


CLAIMS = SessionCredentials("0" * 26, "1" * 26, "2" * 26)
CSRF = sessions.derive_csrf_token("2" * 26)
ORIGIN = "https://files.example.test"


def test_a_change_by_cookie_comes_from_a_page_of_ours_with_the_token_of_its_session() -> None:
    credentials.verify_csrf(make_event(origin=ORIGIN, x_csrf_token=CSRF), CLAIMS)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": ORIGIN},
        {"x_csrf_token": CSRF},
        {"origin": ORIGIN, "x_csrf_token": sessions.derive_csrf_token("3" * 26)},
        {"origin": ORIGIN, "x_csrf_token": ""},
        {"origin": ORIGIN, "x_csrf_token": "é"},
        {"origin": "https://evil.test", "x_csrf_token": CSRF},
        {"origin": "null", "x_csrf_token": CSRF},
        {"origin": "", "x_csrf_token": CSRF},
        {"origin": f"{ORIGIN}.evil.test", "x_csrf_token": CSRF},
    ],
)
def test_no_other_change_by_cookie_is_made(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        credentials.verify_csrf(make_event(None, **headers), CLAIMS)


def test_a_change_by_token_needs_neither() -> None:
    credentials.verify_csrf(make_event(), SessionCredentials("0" * 26, "1" * 26))


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\n", "\x7f"])
def test_an_idempotency_key_is_short_and_visible(key: str) -> None:
    with pytest.raises(BadRequest) as failure:
        auth._idempotency_key(make_event(idempotency_key=key), "user")
    assert failure.value.code == "bad_idempotency_key"


def test_an_idempotency_key_belongs_to_who_sent_it() -> None:
    mine, theirs = (auth._idempotency_key(make_event(idempotency_key="same"), user) for user in ("me", "them"))

    assert mine is not None
    assert theirs is not None
    assert mine.key_sha256 != theirs.key_sha256
    assert "same" not in mine.key_sha256
