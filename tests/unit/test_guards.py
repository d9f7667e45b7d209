"""Guards: permissions, credentials, CSRF tokens, the network of a client, and deleted projects."""

from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from holdall.api_keys.model import ApiKeyCredentials, ApiKeyId
from holdall.http import auth, client_info, credentials
from holdall.http.app import Router
from holdall.http.auth import public, requires
from holdall.iam.model import SessionCredentials
from holdall.iam.service import sessions
from holdall.platform.errors import Forbidden, NotFound, Unauthenticated
from holdall.platform.table import Pending
from holdall.projects.model import Membership, Project, ProjectStatus, Role
from holdall.projects.service import access
from holdall.projects.service.access import ProjectAccess
from holdall.roles import permissions
from tests.support import factories

DELETE_GUARD = requires("files.write", project_from="fileId", extra={"permanent": "files.purge"})
FLAG_VALUES = st.sampled_from(
    ["true", "TRUE", "True", "1", "on", "yes", "y", "t", "T", "0", "false", "no", "off", "2", ""]
)


def make_event(query: dict[str, str] | None = None, **headers: str) -> APIGatewayProxyEventV2:
    event: dict[str, Any] = {
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "queryStringParameters": query or {},
        "rawPath": "/api/v1/files",
        "requestContext": {
            "stage": "$default",
            "http": {"sourceIp": "192.0.2.7", "method": "POST", "path": "/api/v1/files"},
        },
    }
    return APIGatewayProxyEventV2(event)


def test_route_without_guard_fails_at_import() -> None:
    with pytest.raises(TypeError, match="guard"):
        Router().get("/files")  # type: ignore[call-arg]


def test_patch_with_put_alias_adds_the_same_function_and_guard_twice() -> None:
    router, guard = Router(), public()

    @router.patch("/roles/<name>", guard=guard, put_alias=True)
    def update_role() -> None: ...

    keys: list[Any] = list(router.routes._routes)
    assert [(key[0], key[1]) for key in keys] == [("/roles/<name>", ("PUT",)), ("/roles/<name>", ("PATCH",))]
    assert set(router.routes._routes.values()) == {update_role}
    assert router.guards == {update_role: guard}


@given(FLAG_VALUES | st.text(max_size=6))
def test_guard_reads_query_flags_like_pydantic(text: str) -> None:
    try:
        is_true = TypeAdapter(bool).validate_python(text)
    except ValidationError:
        return  # the route rejects it
    editor = permissions.get_project_role_permissions("editor")
    if is_true:
        with pytest.raises(Forbidden):
            DELETE_GUARD._check_permissions(editor, make_event({"permanent": text}))
    else:
        DELETE_GUARD._check_permissions(editor, make_event({"permanent": text}))


def test_guard_requires_its_permission_and_that_of_a_flag() -> None:
    viewer, editor, owner = (permissions.get_project_role_permissions(role) for role in ("viewer", "editor", "owner"))
    with pytest.raises(Forbidden):
        DELETE_GUARD._check_permissions(viewer, make_event())
    DELETE_GUARD._check_permissions(editor, make_event())
    DELETE_GUARD._check_permissions(owner, make_event({"permanent": "true"}))


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/files", {"projectId", "fileId"}),
        ("DELETE", "/api/v1/files/{fileId}", {"projectId"}),
        ("GET", "/api/v1/projects/{projectId}/files/{fileId}", set()),
        ("POST", "/api/v1/files", set()),
        ("PATCH", "/api/v1/files", set()),
    ],
)
def test_query_names_the_project_if_path_and_body_do_not(method: str, path: str, expected: set[str]) -> None:
    guard = requires("files.read", project_from=("projectId", "fileId"))

    assert guard.query_parameters(method, path) == expected


@pytest.mark.parametrize(
    ("ip", "network"),
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
def test_ip_address_belongs_to_a_network(ip: str, network: str) -> None:
    assert client_info._network(ip) == network


def test_viewer_ip_from_the_distribution_is_trusted() -> None:
    event = make_event(x_holdall_origin_verify="edge-secret-of-tests", x_holdall_viewer="198.51.100.1")

    assert client_info.client_info(event).ip == "198.51.100.1"


@pytest.mark.parametrize("secret", ["", "wrong", "edge-secret-of-test", "edge-secret-of-tests ", "é"])
def test_viewer_ip_without_the_secret_of_the_distribution_is_ignored(secret: str) -> None:
    event = make_event(x_holdall_origin_verify=secret, x_holdall_viewer="198.51.100.1")

    assert client_info.client_info(event).ip == "192.0.2.7"


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer a b", "token", "Bearer é"])
def test_other_authorization_headers_are_rejected(header: str) -> None:
    with pytest.raises(Unauthenticated):
        credentials.read_credentials(make_event(authorization=header))


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", " Bearer  abc "])
def test_bearer_token_is_read(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "verify_access_token", lambda token: SessionCredentials(token, ""))

    assert credentials.read_credentials(make_event(authorization=header)) == SessionCredentials("abc", "")


COOKIE = f"hc_{'0' * 26}_{'1' * 26}_{'2' * 26}"


@pytest.mark.parametrize(
    "header",
    [f"__Host-session={COOKIE}", f"a=b; __Host-session={COOKIE};c", f"__Host-sessions=x;__Host-session={COOKIE}"],
)
def test_session_cookie_is_read(header: str) -> None:
    assert credentials.read_credentials(make_event(cookie=header)) == SessionCredentials("0" * 26, "1" * 26, "2" * 26)


@pytest.mark.parametrize(
    "value", ["x", "hc_", COOKIE[:-1], COOKIE + "_", COOKIE.upper(), "hr" + COOKIE[2:], COOKIE + "é"]
)
def test_malformed_session_cookie_is_rejected(value: str) -> None:
    with pytest.raises(Unauthenticated):
        credentials.read_credentials(make_event(cookie=f"__Host-session={value}"))


PROJECT, CREATOR, KEY_ULID = "a" * 12, "b" * 26, "c" * 26
KEY_ID = f"{PROJECT}-{CREATOR}-{KEY_ULID}"
KEY = f"hk_{KEY_ID}_{'d' * 26}"
CREDENTIALS = ApiKeyCredentials(ApiKeyId(PROJECT, CREATOR, KEY_ULID), "d" * 26)


@pytest.mark.parametrize("header", [KEY, f" {KEY}", f"{KEY}  "])
def test_api_key_names_its_project_and_creator(header: str) -> None:
    assert credentials.read_credentials(make_event(x_api_key=header)) == CREDENTIALS


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
def test_malformed_api_key_is_rejected(header: str) -> None:
    with pytest.raises(Unauthenticated) as error:
        credentials.read_credentials(make_event(x_api_key=header))
    assert error.value.code == "invalid_token"


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": f"__Host-session={COOKIE}", "authorization": "Bearer abc"},
        {"x_api_key": KEY, "authorization": "Bearer abc"},
        {"x_api_key": KEY, "cookie": f"__Host-session={COOKIE}"},
        {"x_api_key": "", "authorization": ""},
        {"x_api_key": KEY, "authorization": "", "cookie": f"__Host-session={COOKIE}"},
    ],
)
def test_two_kinds_of_credentials_are_rejected(headers: dict[str, str]) -> None:
    with pytest.raises(credentials.AmbiguousCredentials):
        credentials.read_credentials(make_event(None, **headers))


def test_cookie_of_an_oauth_state_is_ignored_beside_an_api_key() -> None:
    event = make_event(x_api_key=KEY, cookie="__Host-session=ho_state")

    assert credentials.read_credentials(event) == CREDENTIALS


DELETED_PROJECT_CASES: list[tuple[ProjectStatus, bool | str, dict[str, str], bool]] = [
    # status of the project / allow_deleted of the guard / query / whether the guard admits the caller
    ("active", False, {}, True),
    ("active", True, {}, True),
    ("active", "permanent", {"permanent": "true"}, True),
    ("deleted", False, {}, False),
    ("deleted", False, {"permanent": "true"}, False),
    ("deleted", False, {"": "true"}, False),
    ("deleted", True, {}, True),
    ("deleted", "permanent", {}, False),
    ("deleted", "permanent", {"permanent": "false"}, False),
    ("deleted", "permanent", {"permanent": "true"}, True),
    ("deleted", "permanent", {"permanent": "ON"}, True),
    ("deleted", "permanent", {"True": "true"}, False),
    ("purging", True, {}, False),
    ("purging", "permanent", {"permanent": "true"}, False),
]


@pytest.mark.parametrize(("status", "allow_deleted", "query", "is_admitted"), DELETED_PROJECT_CASES)
@pytest.mark.parametrize("all_projects", [False, True])
def test_deleted_project_is_found_only_where_the_guard_allows_it(
    status: ProjectStatus, query: dict[str, str], *, allow_deleted: bool | str, is_admitted: bool, all_projects: bool
) -> None:
    guard = requires("projects.delete", project_from="projectId", allow_deleted=allow_deleted)
    allowed = guard._allows_deleted(make_event(query))
    project_access = make_project_access(status, None if all_projects else "viewer")
    if is_admitted:
        expected = (project_access.project.value, "owner" if all_projects else "viewer")
        assert access.authorize(project_access, all_projects=all_projects, allow_deleted=allowed) == expected
    else:
        with pytest.raises(NotFound):
            access.authorize(project_access, all_projects=all_projects, allow_deleted=allowed)


def make_project_access(status: ProjectStatus | None, role: Role | None) -> ProjectAccess:
    """Return the records of a project with this status, and of a caller with this role. None stands for no record."""
    project: Pending[Project] = Pending()
    membership: Pending[Membership] = Pending()
    project.set(factories.make_project().model_copy(update={"status": status}) if status else None)
    membership.set(Membership("0" * 26, factories.PROJECT_ID, "1" * 26, role, factories.FROZEN_TIME) if role else None)
    return ProjectAccess(project, membership)


def test_project_is_not_found_without_a_membership() -> None:
    for project_access in (
        make_project_access("active", None),
        make_project_access(None, None),
        make_project_access(None, "owner"),
    ):
        with pytest.raises(NotFound):
            access.authorize(project_access)
    with pytest.raises(NotFound):
        access.authorize(make_project_access(None, None), all_projects=True)


def test_role_of_a_member_counts_before_access_to_all_projects() -> None:
    assert access.authorize(make_project_access("active", "viewer"), all_projects=True)[1] == "viewer"


SESSION = SessionCredentials("0" * 26, "1" * 26, "2" * 26)
CSRF = sessions.derive_csrf_token("2" * 26)
ORIGIN = "https://files.example.test"


def test_cookie_with_csrf_token_and_allowed_origin_may_change() -> None:
    credentials.verify_csrf(make_event(origin=ORIGIN, x_csrf_token=CSRF), SESSION)


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
def test_cookie_without_csrf_token_or_allowed_origin_may_not_change(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        credentials.verify_csrf(make_event(None, **headers), SESSION)


def test_access_token_needs_no_csrf_token() -> None:
    credentials.verify_csrf(make_event(), SessionCredentials("0" * 26, "1" * 26))


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\n", "\x7f"])
def test_malformed_idempotency_key_is_rejected(key: str) -> None:
    with pytest.raises(auth.InvalidIdempotencyKey):
        public()._idempotency_key(make_event(idempotency_key=key), "user")


def test_idempotency_key_belongs_to_one_principal() -> None:
    principals = ("user", "another user", KEY_ID)
    keys = [public()._idempotency_key(make_event(idempotency_key="same"), principal) for principal in principals]
    digests = [key.key_sha256 for key in keys if key]

    assert len(set(digests)) == len(principals)
    assert "same" not in "".join(digests)
