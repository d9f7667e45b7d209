"""HTTP on the deployed stack: the shape of errors, request IDs, the client IP, health and tokens."""

import base64
import json
from typing import Any

import pytest

from infra.local.e2e_environment import E2EEnvironment
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import PASSWORD, Client, Response, Server, new_email

_OVERSIZED_BODY = b'{"name": "' + b"x" * (256 * 1024) + b'"}'


@pytest.fixture(params=["api_gateway", "cloudfront"])
def server(request: pytest.FixtureRequest) -> Server:
    """Return API Gateway, and then CloudFront."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.mark.parametrize(
    "path", ["/nowhere", "/auth/nowhere", "/files/a/b/c", "/uploads/a/b", "/auth/", "/projects/a/b", "/"]
)
def test_unknown_path_returns_a_problem(path: str, server: Server) -> None:
    Client(server).get(path).problem(404, "not_found")


def test_path_outside_of_the_api_returns_a_problem(api_gateway: Server) -> None:
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
def test_wrong_method_returns_the_allowed_ones(method: str, path: str, allowed: str, server: Server) -> None:
    response = Client(server).request(method, path)
    response.problem(405, "method_not_allowed")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/auth/sign-up", "/projects", "/files/init-upload", "/files/commit"])
def test_body_over_the_limit_is_rejected(path: str, server: Server, client: Client) -> None:
    response = Client(server, client.access_token).post(path, _OVERSIZED_BODY)

    problem = response.problem(413, "body_too_large")
    assert problem["instance"] == f"urn:holdall:request:{problem['requestId']}"


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
def test_invalid_json_is_rejected(body: bytes, server: Server, client: Client) -> None:
    response = Client(server, client.access_token).post("/projects", body)
    assert response.status == 400
    assert response.problem(400, response.json()["code"])["code"] in ("malformed_json", "malformed_body")


def test_body_of_another_media_type_is_rejected(client: Client) -> None:
    client.post("/projects", b"name=a", **{"content-type": "application/x-www-form-urlencoded"}).problem(
        415, "unsupported_media_type"
    )


def test_request_id_is_returned(server: Server) -> None:
    anonymous = Client(server)

    assert anonymous.get("/health", x_request_id="mine-1.2_3").headers["x-request-id"] == "mine-1.2_3"
    for bad in ("two words", "x" * 65, "<script>"):
        request_id = anonymous.get("/health", x_request_id=bad).headers["x-request-id"]
        assert request_id != bad
        assert len(request_id) == 26
    assert anonymous.get("/nowhere", x_request_id="mine").problem(404, "not_found")["requestId"] == "mine"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic dGVzdDp0ZXN0", "Bearer a.b.c", f"Bearer {'x' * 5000}"],
    ids=lambda text: text[:12],
)
def test_invalid_authorization_is_rejected(authorization: str, server: Server) -> None:
    response = Client(server).get("/auth/me", authorization=authorization)
    assert response.headers["www-authenticate"] == "Bearer"
    response.problem(401, response.json()["code"])


def test_cloudfront_replaces_the_client_ip_of_a_request(cloudfront: Server, aws_state: AwsState) -> None:
    _, client_ip = _sign_up_and_read_client_ip(
        cloudfront, aws_state, x_holdall_viewer="198.51.100.7", x_forwarded_for="198.51.100.8"
    )
    assert client_ip == "127.0.0.1"


def test_client_ip_without_the_secret_of_cloudfront_is_ignored(api_gateway: Server, aws_state: AwsState) -> None:
    _, client_ip = _sign_up_and_read_client_ip(
        api_gateway, aws_state, x_holdall_viewer="198.51.100.7", x_holdall_origin_verify="guessed"
    )
    assert client_ip == "127.0.0.1"


def test_client_ip_with_the_secret_of_cloudfront_is_used(
    deployment: E2EEnvironment, api_gateway: Server, aws_state: AwsState
) -> None:
    (stack,) = deployment.cloud.client("cloudformation").describe_stacks(StackName="Holdall-local")["Stacks"]
    secret = stack["StackId"].rpartition("/")[2]

    _, client_ip = _sign_up_and_read_client_ip(
        api_gateway, aws_state, x_holdall_viewer="2001:db8::7", x_holdall_origin_verify=secret
    )

    assert client_ip == "2001:db8::/64"


def test_no_response_contains_the_secret_of_cloudfront(
    deployment: E2EEnvironment, cloudfront: Server, client: Client
) -> None:
    (stack,) = deployment.cloud.client("cloudformation").describe_stacks(StackName="Holdall-local")["Stacks"]
    secret = stack["StackId"].rpartition("/")[2]

    for path in ("/api/v1/health/ready", "/api/v1/openapi.json", "/api/v1/nowhere", "/", "/media/x"):
        response = cloudfront.request("GET", path)
        assert secret not in str(response.headers)
        assert secret.encode() not in response.content


def test_health_reports_each_store(server: Server) -> None:
    assert Client(server).get("/health").data() == {"status": "ok"}
    ready = Client(server).get("/health/ready").data()
    assert ready["status"] == "ok"
    assert {name: check["status"] for name, check in ready["checks"].items()} == {
        "dynamodb": "ok",
        "s3": "ok",
        "edge": "ok",
    }


def test_logout_takes_effect_on_the_next_request(client: Client, anonymous: Client) -> None:
    logout = client.post("/auth/logout")

    assert (logout.status, logout.content) == (204, b"")
    client.get("/auth/me").problem(401, "invalid_token")
    anonymous.post("/auth/refresh", {"refreshToken": client.refresh_token}).problem(401, "invalid_token")


def test_access_token_is_signed_with_a_published_key(client: Client, anonymous: Client) -> None:
    response = anonymous.get("/.well-known/jwks.json")

    keys = {key["kid"]: key for key in response.json()["keys"]}  # two while they are rotated
    assert {key["crv"] for key in keys.values()} == {"P-256"}
    assert not any("d" in key for key in keys.values())
    header = client.access_token.partition(".")[0]
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["kid"] in keys


def _sign_up_and_read_client_ip(server: Server, aws_state: AwsState, **headers: str) -> tuple[Response, Any]:
    """Sign up, and return the response and the client IP in its audit entry."""
    body = {"email": new_email(), "password": PASSWORD}
    response = Client(server).post("/auth/sign-up", body, **headers)
    rows = aws_state.audit_rows_by_actor(response.data()["user"]["id"])
    return response, next(row["client_ip"] for row in rows if row["action"] == "accounts.sign_up")
