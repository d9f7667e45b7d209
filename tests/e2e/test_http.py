"""What goes over the wire besides data: errors of one shape, ids of requests, addresses that can be believed."""

import base64
import json
from typing import Any

import pytest

from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import BASE_PATH, PASSWORD, Client, Response, Server, new_email

_OVERSIZED_BODY = b'{"name": "' + b"x" * (256 * 1024) + b'"}'


@pytest.fixture(params=["api_gateway", "cloudfront"])
def server(request: pytest.FixtureRequest) -> Server:
    """Either way in."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize(
    "path", ["/nowhere", "/auth/nowhere", "/files/a/b/c", "/uploads", "/auth/", "/projects/a/b", "/"]
)
def test_an_unknown_path_has_our_shape_of_an_error(path: str, server: Server) -> None:
    Client(server).get(path).problem(404, "not_found")


def test_a_path_beside_the_api_has_our_shape_too(api_gateway: Server) -> None:
    api_gateway.request("GET", "/favicon.ico").problem(404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/auth/login", "POST"),
        ("PUT", "/projects", "GET, POST"),
        ("PATCH", "/files", "GET"),
        ("GET", "/files/init-upload", "POST"),
        ("POST", "/health", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allowed: str, server: Server) -> None:
    answer = Client(server).request(method, path)
    answer.problem(405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/auth/sign-up", "/projects", "/files/init-upload", "/files/commit"])
def test_a_body_that_is_too_large_is_refused(path: str, server: Server, client: Client) -> None:
    answer = Client(server, client.access_token).post(path, _OVERSIZED_BODY)

    problem = answer.problem(413, "body_too_large")
    at_the_edge = not server.prefix
    assert problem["instance"].startswith(BASE_PATH if at_the_edge else "urn:holdall:request:")


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": NaN}',
        b'{"name": "a", "settings": {"quota": {"maxBytes": Infinity}}}',
        b'{"name": "a", "settings": {"quota": {"maxBytes": 1e999}}}',
        b'{"name": "a", "name": "b"}',
        b'{"name": "\\ud800"}',
        b'{"name": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"name": "a"',
        b"\xff\xfe",
        b"'a'",
    ],
)
def test_what_is_no_strict_json_is_refused(body: bytes, server: Server, client: Client) -> None:
    answer = Client(server, client.access_token).post("/projects", body)
    assert answer.status == 400
    assert answer.problem(400, answer.json()["code"])["code"] in ("malformed_json", "malformed_body")


def test_a_body_of_another_type_is_refused(client: Client) -> None:
    client.post("/projects", b"name=a", **{"content-type": "application/x-www-form-urlencoded"}).problem(
        415, "unsupported_media_type"
    )


def test_the_id_of_a_request_comes_back(server: Server) -> None:
    anonymous = Client(server)

    assert anonymous.get("/health", x_request_id="mine-1.2_3").headers["x-request-id"] == "mine-1.2_3"
    for bad in ("two words", "x" * 65, "<script>"):
        given = anonymous.get("/health", x_request_id=bad).headers["x-request-id"]
        assert given != bad
        assert len(given) == 26
    assert anonymous.get("/nowhere", x_request_id="mine").problem(404, "not_found")["requestId"] == "mine"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic dGVzdDp0ZXN0", "Bearer a.b.c", f"Bearer {'x' * 5000}"],
    ids=lambda text: text[:12],
)
def test_a_bad_token_is_nobody(authorization: str, server: Server) -> None:
    answer = Client(server).get("/auth/me", authorization=authorization)
    assert answer.headers["www-authenticate"] == "Bearer"
    answer.problem(401, answer.json()["code"])


def test_what_a_client_says_about_its_address_is_replaced_at_the_edge(cloudfront: Server, aws_state: AwsState) -> None:
    _, address = _sign_up_and_read_client_ip(
        cloudfront, aws_state, x_holdall_viewer="198.51.100.7", x_forwarded_for="198.51.100.8"
    )
    assert address == "127.0.0.1"


def test_what_a_client_says_about_its_address_is_not_believed_at_the_api(
    api_gateway: Server, aws_state: AwsState
) -> None:
    _, address = _sign_up_and_read_client_ip(
        api_gateway, aws_state, x_holdall_viewer="198.51.100.7", x_holdall_origin_verify="guessed"
    )
    assert address == "127.0.0.1"


def test_the_secret_of_the_edge_is_what_makes_it_believed(
    deployment: E2EEnvironment, api_gateway: Server, aws_state: AwsState
) -> None:
    (stack,) = deployment.cloud.client("cloudformation").describe_stacks(StackName="Holdall-local")["Stacks"]
    secret = stack["StackId"].rpartition("/")[2]

    _, address = _sign_up_and_read_client_ip(
        api_gateway, aws_state, x_holdall_viewer="2001:db8::7", x_holdall_origin_verify=secret
    )

    assert address == "2001:db8::/64"


def test_the_secret_of_the_edge_never_comes_out(deployment: E2EEnvironment, cloudfront: Server, client: Client) -> None:
    (stack,) = deployment.cloud.client("cloudformation").describe_stacks(StackName="Holdall-local")["Stacks"]
    secret = stack["StackId"].rpartition("/")[2]

    for path in ("/api/v1/health/ready", "/api/v1/openapi.json", "/api/v1/nowhere", "/", "/media/x"):
        answer = cloudfront.request("GET", path)
        assert secret not in str(answer.headers)
        assert secret.encode() not in answer.content


def test_health_tells_of_each_store(server: Server) -> None:
    assert Client(server).get("/health").data() == {"status": "ok"}
    ready = Client(server).get("/health/ready").data()
    assert ready["status"] == "ok"
    assert {name: check["status"] for name, check in ready["checks"].items()} == {"dynamodb": "ok", "s3": "ok"}


def test_the_end_of_a_session_counts_on_the_next_request(client: Client, anonymous: Client) -> None:
    logout = client.post("/auth/logout")

    assert (logout.status, logout.content) == (204, b"")
    client.get("/auth/me").problem(401, "invalid_token")
    anonymous.post("/auth/refresh", {"refreshToken": client.refresh_token}).problem(401, "invalid_token")


def test_tokens_are_signed_by_a_published_key(client: Client, anonymous: Client) -> None:
    answer = anonymous.get("/.well-known/jwks.json")

    keys = {key["kid"]: key for key in answer.json()["keys"]}  # two of them, while one takes the other's place
    assert {key["crv"] for key in keys.values()} == {"P-256"}
    assert not any("d" in key for key in keys.values())
    header = client.access_token.partition(".")[0]
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["kid"] in keys


def _sign_up_and_read_client_ip(server: Server, aws_state: AwsState, **headers: str) -> tuple[Response, Any]:
    """A sign-up, and the network that its audit row says that it came from."""
    said = {"email": new_email(), "password": PASSWORD}
    answer = Client(server).post("/auth/sign-up", said, **headers)
    rows = aws_state.audit_rows_by_actor(answer.data()["user"]["id"])
    return answer, next(row["client_ip"] for row in rows if row["action"] == "accounts.sign_up")
