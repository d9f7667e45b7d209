"""Doors: whose network it is, what a flag asks for, and who counts as come through the distribution."""

from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from holdall.caller import Caller
from holdall.errors import Forbidden, Malformed, NotFound, Unauthenticated
from holdall.http import admission, credentials
from holdall.http.admission import Door
from holdall.iam.model import Claims
from holdall.iam.service import sessions
from holdall.keys.service import Claims as KeyClaims
from holdall.projects.model import Membership, Project, Role, Status
from holdall.projects.service import entry
from holdall.projects.service.entry import Place
from holdall.roles import permissions
from holdall.table import Awaited
from tests.unit import makers

REMOVE = Door("permission", "files.write", ("fileId",), {"permanent": "files.purge"})
FLAGS = st.sampled_from(["true", "TRUE", "True", "1", "on", "yes", "y", "t", "T", "0", "false", "no", "off", "2", ""])


def event(query: dict[str, str] | None = None, **headers: str) -> APIGatewayProxyEventV2:
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


@given(FLAGS | st.text(max_size=6))
def test_a_flag_that_the_route_takes_for_true_the_door_takes_for_true(text: str) -> None:
    try:
        true = TypeAdapter(bool).validate_python(text)
    except ValidationError:
        return  # the route refuses it
    editor = permissions.of_project_role("editor")
    if true:
        with pytest.raises(Forbidden):
            REMOVE._check(editor, event({"permanent": text}))
    else:
        REMOVE._check(editor, event({"permanent": text}))


def test_a_permission_is_needed_and_so_is_that_of_a_flag() -> None:
    with pytest.raises(Forbidden):
        REMOVE._check(permissions.of_project_role("viewer"), event())
    REMOVE._check(permissions.of_project_role("editor"), event())
    REMOVE._check(permissions.of_project_role("owner"), event({"permanent": "true"}))


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
    assert admission._network(address) == network


def test_the_viewers_address_is_believed_from_the_distribution() -> None:
    came = event(x_holdall_edge="edge-secret-of-tests", x_holdall_viewer="198.51.100.1")

    assert admission._visitor(came).address == "198.51.100.1"


@pytest.mark.parametrize("secret", ["", "wrong", "edge-secret-of-test", "edge-secret-of-tests ", "é"])
def test_from_anybody_else_the_gateways_peer_is_believed(secret: str) -> None:
    came = event(x_holdall_edge=secret, x_holdall_viewer="198.51.100.1")

    assert admission._visitor(came).address == "192.0.2.7"


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer a b", "token", "Bearer é"])
def test_no_other_authorization_is_read(header: str) -> None:
    with pytest.raises(Unauthenticated):
        credentials.claims_of(event(authorization=header))


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", " Bearer  abc "])
def test_a_bearer_token_is_read(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "claims_of", lambda token: Claims(token, ""))

    assert credentials.claims_of(event(authorization=header)) == Claims("abc", "")


COOKIE = f"hc_{'0' * 26}_{'1' * 26}_{'2' * 26}"


@pytest.mark.parametrize(
    "header",
    [f"__Host-session={COOKIE}", f"a=b; __Host-session={COOKIE};c", f"__Host-sessions=x;__Host-session={COOKIE}"],
)
def test_a_cookie_is_read(header: str) -> None:
    assert credentials.claims_of(event(cookie=header)) == Claims("0" * 26, "1" * 26, "2" * 26)


@pytest.mark.parametrize(
    "value", ["x", "hc_", COOKIE[:-1], COOKIE + "_", COOKIE.upper(), "hr" + COOKIE[2:], COOKIE + "é"]
)
def test_no_other_cookie_is_read(value: str) -> None:
    with pytest.raises(Unauthenticated):
        credentials.claims_of(event(cookie=f"__Host-session={value}"))


def test_two_words_at_once_are_refused() -> None:
    with pytest.raises(Malformed) as failure:
        credentials.claims_of(event(cookie=f"__Host-session={COOKIE}", authorization="Bearer abc"))
    assert failure.value.code == "ambiguous_credentials"


PROJECT, MAKER, OWN = "a" * 12, "b" * 26, "c" * 26
KEY_ID = f"{PROJECT}-{MAKER}-{OWN}"
KEY = f"hk_{KEY_ID}_{'d' * 26}"


@pytest.mark.parametrize("header", [KEY, f" {KEY}", f"{KEY}  "])
def test_a_key_is_read_and_names_its_project_and_maker(header: str) -> None:
    assert credentials.claims_of(event(x_api_key=header)) == KeyClaims(KEY_ID, PROJECT, MAKER, "d" * 26)


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
        f"hk_{OWN}_{'d' * 26}",
    ],
)
def test_no_other_key_is_read(header: str) -> None:
    with pytest.raises(Unauthenticated) as failure:
        credentials.claims_of(event(x_api_key=header))
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
    with pytest.raises(Malformed) as failure:
        credentials.claims_of(event(None, **shown))
    assert failure.value.code == "ambiguous_credentials"


def test_a_cookie_that_names_nobody_may_lie_beside_a_key() -> None:
    """It binds a sign-in that was begun to its browser."""
    shown = event(x_api_key=KEY, cookie="__Host-session=ho_state")

    assert credentials.claims_of(shown) == KeyClaims(KEY_ID, PROJECT, MAKER, "d" * 26)


def caller(**more: Any) -> Caller:
    return Caller("192.0.2.7", "agent", "request", "user", "session", frozenset(), **more)


def test_a_key_is_counted_and_remembered_apart_from_its_maker() -> None:
    assert caller().principal == "user"
    assert caller(key_id=KEY_ID).principal == KEY_ID
    mine, keys = (
        admission._once(event(idempotency_key="same"), who.principal) for who in (caller(), caller(key_id="k"))
    )
    assert mine is not None
    assert keys is not None
    assert mine.key != keys.key


STATES: list[tuple[Status, dict[str, str], dict[str, str], bool]] = [
    # status / how the door takes deleted ones / the query / whether it lets in
    ("active", {}, {}, True),
    ("active", {"deleted": "always"}, {}, True),
    ("active", {"deleted": "permanent"}, {"permanent": "true"}, True),
    ("deleted", {}, {}, False),
    ("deleted", {}, {"permanent": "true"}, False),
    ("deleted", {}, {"": "true"}, False),
    ("deleted", {"deleted": "always"}, {}, True),
    ("deleted", {"deleted": "permanent"}, {}, False),
    ("deleted", {"deleted": "permanent"}, {"permanent": "false"}, False),
    ("deleted", {"deleted": "permanent"}, {"permanent": "true"}, True),
    ("deleted", {"deleted": "permanent"}, {"permanent": "ON"}, True),
    ("deleted", {"deleted": "permanent"}, {"always": "true"}, False),
    ("purging", {"deleted": "always"}, {}, False),
    ("purging", {"deleted": "permanent"}, {"permanent": "true"}, False),
]


@pytest.mark.parametrize(("status", "told", "query", "enters"), STATES)
@pytest.mark.parametrize("anywhere", [False, True])
def test_a_door_leads_into_a_deleted_project_where_it_says_so(
    status: Status, told: dict[str, str], query: dict[str, str], *, enters: bool, anywhere: bool
) -> None:
    door = Door("permission", "projects.delete", ("projectId",), **told)  # type: ignore[arg-type]
    taken = door._takes_deleted(event(query))
    found = place(status, None if anywhere else "viewer")
    if enters:
        role = "owner" if anywhere else "viewer"
        assert entry.enter(found, anywhere=anywhere, deleted=taken) == (found.project.value, role)
    else:
        with pytest.raises(NotFound):
            entry.enter(found, anywhere=anywhere, deleted=taken)


def place(status: Status | None, role: Role | None) -> Place:
    """What was read of a project in this state, and of a visitor with this role."""
    project: Awaited[Project] = Awaited()
    member: Awaited[Membership] = Awaited()
    project.settle(makers.project().model_copy(update={"status": status}) if status else None)
    member.settle(Membership("0" * 26, makers.PROJECT_ID, "1" * 26, role, makers.MOMENT) if role else None)
    return Place(project, member)


def test_who_is_no_member_finds_nothing_and_a_role_goes_before_the_right_to_go_anywhere() -> None:
    for found in (place("active", None), place(None, None), place(None, "owner")):
        with pytest.raises(NotFound):
            entry.enter(found)
    assert entry.enter(place("active", "viewer"), anywhere=True)[1] == "viewer"
    with pytest.raises(NotFound):
        entry.enter(place(None, None), anywhere=True)


CLAIMS = Claims("0" * 26, "1" * 26, "2" * 26)
CSRF = sessions.csrf_of("2" * 26)
HOME = "https://files.example.test"


def test_a_change_by_cookie_comes_from_a_page_of_ours_with_the_token_of_its_session() -> None:
    credentials.check_same_site(event(origin=HOME, x_csrf_token=CSRF), CLAIMS)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": HOME},
        {"x_csrf_token": CSRF},
        {"origin": HOME, "x_csrf_token": sessions.csrf_of("3" * 26)},
        {"origin": HOME, "x_csrf_token": ""},
        {"origin": HOME, "x_csrf_token": "é"},
        {"origin": "https://evil.test", "x_csrf_token": CSRF},
        {"origin": "null", "x_csrf_token": CSRF},
        {"origin": "", "x_csrf_token": CSRF},
        {"origin": f"{HOME}.evil.test", "x_csrf_token": CSRF},
    ],
)
def test_no_other_change_by_cookie_is_made(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        credentials.check_same_site(event(None, **headers), CLAIMS)


def test_a_change_by_token_needs_neither() -> None:
    credentials.check_same_site(event(), Claims("0" * 26, "1" * 26))


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\n", "\x7f"])
def test_an_idempotency_key_is_short_and_visible(key: str) -> None:
    with pytest.raises(Malformed) as failure:
        admission._once(event(idempotency_key=key), "user")
    assert failure.value.code == "bad_idempotency_key"


def test_an_idempotency_key_belongs_to_who_sent_it() -> None:
    mine, theirs = (admission._once(event(idempotency_key="same"), user) for user in ("me", "them"))

    assert mine is not None
    assert theirs is not None
    assert mine.key != theirs.key
    assert "same" not in mine.key
