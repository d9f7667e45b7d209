"""What a request of `auth` costs.

Routes that anybody may call count one request of the network first: that is one update of the limiter, and stands in these
numbers. So a login of three round trips and the transaction stands here with two more, the limiter's of its network and of
its account. A letter costs one message, and one transaction that forgets the promise of it.
"""

from typing import Any

from tests.api import people
from tests.api import post as letters
from tests.api.client import Client
from tests.house.budget import Case, Request, get, post, visit
from tests.house.scene import Scene, verifying

_ANOTHER = "another horse battery"


def _sign_up_for_proof(scene: Scene) -> Request:
    said = {"email": scene.new_email(), "password": scene.password}

    def ask() -> Any:
        with verifying():
            return Client().post("/auth/sign-up", said)

    return ask


def _with_code(scene: Scene) -> dict[str, str]:
    token, code = scene.known_login().split()
    return {"mfaToken": token, "recoveryCode": code}


def _reset(scene: Scene) -> dict[str, str]:
    Client().post("/auth/forgot-password", {"email": scene.email}).data()
    return {"token": scene.link("reset"), "password": _ANOTHER}


def _new_address(scene: Scene) -> dict[str, str]:
    scene.client.post("/auth/change-email", {"email": scene.new_email(), "password": scene.password}).data()
    return {"token": scene.link("email-change")}


def _enabled(path: str) -> Any:
    def prepared(scene: Scene) -> Request:
        scene.client.post("/auth/2fa/enable", {"code": scene.second_factor()}).data()
        return lambda: scene.client.post(path)

    return prepared


def _ended(scene: Scene) -> Request:
    other = Client().post("/auth/login", scene.credentials).data()["refreshToken"].split("_")[1]
    return lambda: scene.client.delete(f"/auth/sessions/{other}")


def _left(scene: Scene) -> Request:
    return lambda: scene.client.request("DELETE", "/users/me", {"password": scene.password})


def _renamed(scene: Scene) -> Request:
    return lambda: scene.client.request("PUT", "/users/me", {"name": "Ada"})


def _provider(method: str, path: str) -> Any:
    return lambda scene: lambda: (Client() if method == "GET" else scene.client).request(method, path)


def _as_superuser(path: str) -> Any:
    def prepared(_: Scene) -> Request:
        root = people.superuser()
        return lambda: root.get(path)

    return prepared


_LOGIN, _SIGN_UP = "POST /api/v1/auth/login", "POST /api/v1/auth/sign-up"
CASES_OF_AUTH = (
    Case(
        _SIGN_UP,
        201,
        visit("/auth/sign-up", lambda scene: {"email": scene.new_email(), "password": scene.password}),
        dynamodb=2,
    ),
    Case(_SIGN_UP, 202, _sign_up_for_proof, dynamodb=5, sqs=1, what="with proof of the address"),
    Case(
        "POST /api/v1/auth/verify-email",
        200,
        visit("/auth/verify-email", lambda scene: {"token": scene.asked(), "password": scene.password}),
        dynamodb=4,
    ),
    Case(
        "POST /api/v1/auth/verify-email/resend",
        202,
        visit("/auth/verify-email/resend", lambda scene: {"email": scene.new_email()}),
        dynamodb=4,
        sqs=1,
    ),
    Case(
        "POST /api/v1/auth/accept-invitation",
        200,
        visit(
            "/auth/accept-invitation",
            lambda scene: {"token": letters.invitation(scene.new_email()), "password": _ANOTHER},
        ),
        dynamodb=5,
    ),
    Case(_LOGIN, 200, visit("/auth/login", lambda scene: scene.credentials), dynamodb=5),
    Case(
        _LOGIN,
        401,
        visit("/auth/login", lambda scene: {**scene.credentials, "password": "another one"}),
        dynamodb=5,
        what="with a wrong password",
    ),
    Case(
        _LOGIN,
        401,
        visit("/auth/login", lambda scene: {"email": scene.new_email(), "password": scene.password}),
        dynamodb=5,
        what="of nobody",
    ),
    Case("POST /api/v1/auth/2fa/verify", 200, visit("/auth/2fa/verify", _with_code), dynamodb=5),
    Case(
        "POST /api/v1/auth/refresh",
        200,
        visit("/auth/refresh", lambda scene: {"refreshToken": scene.client.refresh_token}),
        dynamodb=3,
    ),
    Case("POST /api/v1/auth/logout", 204, post("/auth/logout"), dynamodb=2),
    Case("POST /api/v1/auth/logout-all", 204, post("/auth/logout-all"), dynamodb=3),
    Case("GET /api/v1/auth/me", 200, get("/auth/me"), dynamodb=2),
    Case("GET /api/v1/auth/sessions", 200, get("/auth/sessions"), dynamodb=3),
    Case("DELETE /api/v1/auth/sessions/{sessionId}", 204, _ended, dynamodb=3),
    Case("GET /api/v1/audit", 200, _as_superuser("/audit"), dynamodb=2),
    Case("GET /api/v1/audit", 200, _as_superuser("/audit?actor=anonymous&limit=100"), dynamodb=2, what="of an actor"),
    # Whoever takes it away is in it: that is a transaction.
    Case("GET /api/v1/audit/export", 200, _as_superuser("/audit/export"), dynamodb=3),
    Case("GET /api/v1/users/me", 200, get("/users/me"), dynamodb=2),
    Case(
        "PUT /api/v1/users/me",
        200,
        lambda scene: lambda: scene.client.request("PUT", "/users/me", {"name": "Ada"}),
        dynamodb=3,
    ),
    Case("DELETE /api/v1/users/me", 204, _left, dynamodb=13, sqs=2),
    Case(
        "POST /api/v1/auth/change-password",
        204,
        post("/auth/change-password", lambda scene: {"currentPassword": scene.password, "newPassword": _ANOTHER}),
        dynamodb=6,
        sqs=1,
    ),
    Case(
        "POST /api/v1/auth/change-email",
        202,
        post("/auth/change-email", lambda scene: {"email": scene.new_email(), "password": scene.password}),
        dynamodb=7,
        sqs=1,
    ),
    Case("POST /api/v1/auth/confirm-email", 204, visit("/auth/confirm-email", _new_address), dynamodb=5, sqs=1),
    Case(
        "POST /api/v1/auth/forgot-password",
        202,
        visit("/auth/forgot-password", lambda scene: {"email": scene.email}),
        dynamodb=5,
        sqs=1,
    ),
    Case(
        "POST /api/v1/auth/forgot-password",
        202,
        visit("/auth/forgot-password", lambda scene: {"email": scene.new_email()}),
        dynamodb=5,
        sqs=1,
        what="of nobody",
    ),
    Case("POST /api/v1/auth/reset-password", 204, visit("/auth/reset-password", _reset), dynamodb=5, sqs=1),
    Case("POST /api/v1/auth/2fa/setup", 200, post("/auth/2fa/setup"), dynamodb=3),
    Case(
        "POST /api/v1/auth/2fa/enable",
        200,
        post("/auth/2fa/enable", lambda scene: {"code": scene.second_factor()}),
        dynamodb=7,
        sqs=1,
    ),
    Case("POST /api/v1/auth/2fa/disable", 204, _enabled("/auth/2fa/disable"), dynamodb=6, sqs=1),
    Case("POST /api/v1/auth/2fa/recovery-codes", 200, _enabled("/auth/2fa/recovery-codes"), dynamodb=6, sqs=1),
    # Of a provider that is not configured, and of a state that nobody asked for: the rest is the provider's time.
    Case("GET /api/v1/auth/oauth/{provider}/start", 404, _provider("GET", "/auth/oauth/none/start"), dynamodb=1),
    Case(
        "GET /api/v1/auth/oauth/{provider}/callback",
        401,
        _provider("GET", f"/auth/oauth/none/callback?state=ho_{'0' * 26}_{'0' * 26}"),
        dynamodb=2,
    ),
    Case("GET /api/v1/auth/identities", 200, get("/auth/identities"), dynamodb=2),
    Case(
        "POST /api/v1/auth/identities/{provider}/link", 404, _provider("POST", "/auth/identities/none/link"), dynamodb=1
    ),
    Case("DELETE /api/v1/auth/identities/{provider}", 404, _provider("DELETE", "/auth/identities/none"), dynamodb=3),
)
