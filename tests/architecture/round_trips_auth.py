"""Budgets of accounts, sessions and the audit log.

The numbers include the rate limiter, which makes one update for each limit. A sign-in, for example, is three reads, one
transaction, and two updates: one limit is of the network, the other of the account. An email is one message, and one
transaction that deletes the email from the outbox. An email that anyone can request is one more update, of the limit of its
address.
"""

from typing import Any

from tests.architecture.round_trips import (
    BudgetCase,
    SendRequest,
    anonymous_post,
    authenticated_get,
    authenticated_post,
)
from tests.support import mailbox, users
from tests.support.client import Client
from tests.support.scenario import Scenario, email_verification_on

_NEW_PASSWORD = "another horse battery"


def _sign_up_with_verification(scenario: Scenario) -> SendRequest:
    body = {"email": users.unique_email(), "password": scenario.password}

    def send() -> Any:
        with email_verification_on():
            return Client().post("/auth/sign-up", body)

    return send


def _mfa_verification_body(scenario: Scenario) -> dict[str, str]:
    token, code = scenario.start_mfa_login().split()
    return {"mfaToken": token, "recoveryCode": code}


def _reset_password_body(scenario: Scenario) -> dict[str, str]:
    Client().post("/auth/forgot-password", {"email": scenario.email}).data()
    return {"token": scenario.emailed_token("password-reset"), "password": _NEW_PASSWORD}


def _confirm_email_body(scenario: Scenario) -> dict[str, str]:
    scenario.client.post("/auth/change-email", {"email": users.unique_email(), "password": scenario.password}).data()
    return {"token": scenario.emailed_token("email-change")}


def _post_with_mfa_enabled(path: str) -> Any:
    def prepare(scenario: Scenario) -> SendRequest:
        scenario.client.post("/auth/2fa/enable", {"code": scenario.set_up_totp()}).data()
        return lambda: scenario.client.post(path)

    return prepare


def _revoke_session(scenario: Scenario) -> SendRequest:
    session_id = Client().post("/auth/login", scenario.credentials).data()["refreshToken"].split("_")[1]
    return lambda: scenario.client.delete(f"/auth/sessions/{session_id}")


def _delete_own_account(scenario: Scenario) -> SendRequest:
    return lambda: scenario.client.request("DELETE", "/users/me", {"password": scenario.password})


def _oauth_request(method: str, path: str) -> Any:
    return lambda scenario: lambda: (Client() if method == "GET" else scenario.client).request(method, path)


def _superuser_get(path: str) -> Any:
    def prepare(_: Scenario) -> SendRequest:
        superuser = users.create_superuser()
        return lambda: superuser.get(path)

    return prepare


_LOGIN, _SIGN_UP = "POST /api/v1/auth/login", "POST /api/v1/auth/sign-up"
AUTH_CASES = (
    BudgetCase(
        _SIGN_UP,
        201,
        anonymous_post(
            "/auth/sign-up", lambda scenario: {"email": users.unique_email(), "password": scenario.password}
        ),
        dynamodb=2,
    ),
    BudgetCase(_SIGN_UP, 202, _sign_up_with_verification, dynamodb=6, sqs=1, label="with email verification"),
    BudgetCase(
        "POST /api/v1/auth/verify-email",
        200,
        anonymous_post(
            "/auth/verify-email",
            lambda scenario: {"token": scenario.verification_token(), "password": scenario.password},
        ),
        dynamodb=4,
    ),
    BudgetCase(
        "POST /api/v1/auth/verify-email/resend",
        202,
        anonymous_post("/auth/verify-email/resend", lambda scenario: {"email": users.unique_email()}),
        dynamodb=5,
        sqs=1,
    ),
    BudgetCase(
        "POST /api/v1/auth/accept-invitation",
        200,
        anonymous_post(
            "/auth/accept-invitation",
            lambda scenario: {
                "token": mailbox.create_account_invitation(users.unique_email()),
                "password": _NEW_PASSWORD,
            },
        ),
        dynamodb=5,
    ),
    BudgetCase(_LOGIN, 200, anonymous_post("/auth/login", lambda scenario: scenario.credentials), dynamodb=5),
    BudgetCase(
        _LOGIN,
        401,
        anonymous_post("/auth/login", lambda scenario: {**scenario.credentials, "password": "another one"}),
        dynamodb=5,
        label="with a wrong password",
    ),
    BudgetCase(
        _LOGIN,
        401,
        anonymous_post("/auth/login", lambda scenario: {"email": users.unique_email(), "password": scenario.password}),
        dynamodb=5,
        label="with an unknown address",
    ),
    BudgetCase(
        "POST /api/v1/auth/2fa/verify", 200, anonymous_post("/auth/2fa/verify", _mfa_verification_body), dynamodb=5
    ),
    BudgetCase(
        "POST /api/v1/auth/refresh",
        200,
        anonymous_post("/auth/refresh", lambda scenario: {"refreshToken": scenario.client.refresh_token}),
        dynamodb=3,
    ),
    BudgetCase("POST /api/v1/auth/logout", 204, authenticated_post("/auth/logout"), dynamodb=2),
    BudgetCase("POST /api/v1/auth/logout-all", 204, authenticated_post("/auth/logout-all"), dynamodb=3),
    BudgetCase("GET /api/v1/auth/me", 200, authenticated_get("/auth/me"), dynamodb=2),
    BudgetCase("GET /api/v1/auth/sessions", 200, authenticated_get("/auth/sessions"), dynamodb=4),
    BudgetCase("DELETE /api/v1/auth/sessions/{sessionId}", 204, _revoke_session, dynamodb=3),
    BudgetCase("GET /api/v1/audit", 200, _superuser_get("/audit"), dynamodb=5),
    BudgetCase(
        "GET /api/v1/audit",
        200,
        _superuser_get("/audit?actor=anonymous&limit=100"),
        dynamodb=2,
        label="filtered by actor",
    ),
    # The transaction logs who exports the log.
    BudgetCase("GET /api/v1/audit/export", 200, _superuser_get("/audit/export"), dynamodb=6),
    BudgetCase("GET /api/v1/users/me", 200, authenticated_get("/users/me"), dynamodb=1),
    BudgetCase(
        "PATCH /api/v1/users/me",
        200,
        lambda scenario: lambda: scenario.client.request("PATCH", "/users/me", {"name": "Ada"}),
        dynamodb=2,
    ),
    BudgetCase("DELETE /api/v1/users/me", 204, _delete_own_account, dynamodb=13, sqs=4),
    BudgetCase(
        "POST /api/v1/auth/change-password",
        204,
        authenticated_post(
            "/auth/change-password",
            lambda scenario: {"currentPassword": scenario.password, "newPassword": _NEW_PASSWORD},
        ),
        dynamodb=6,
        sqs=1,
    ),
    BudgetCase(
        "POST /api/v1/auth/change-email",
        202,
        authenticated_post(
            "/auth/change-email", lambda scenario: {"email": users.unique_email(), "password": scenario.password}
        ),
        dynamodb=8,
        sqs=1,
    ),
    BudgetCase(
        "POST /api/v1/auth/confirm-email",
        204,
        anonymous_post("/auth/confirm-email", _confirm_email_body),
        dynamodb=5,
        sqs=1,
    ),
    BudgetCase(
        "POST /api/v1/auth/forgot-password",
        202,
        anonymous_post("/auth/forgot-password", lambda scenario: {"email": scenario.email}),
        dynamodb=6,
        sqs=1,
    ),
    BudgetCase(
        "POST /api/v1/auth/forgot-password",
        202,
        anonymous_post("/auth/forgot-password", lambda scenario: {"email": users.unique_email()}),
        dynamodb=6,
        sqs=1,
        label="with an unknown address",
    ),
    BudgetCase(
        "POST /api/v1/auth/reset-password",
        204,
        anonymous_post("/auth/reset-password", _reset_password_body),
        dynamodb=5,
        sqs=1,
    ),
    BudgetCase("POST /api/v1/auth/2fa/setup", 200, authenticated_post("/auth/2fa/setup"), dynamodb=3),
    BudgetCase(
        "POST /api/v1/auth/2fa/enable",
        200,
        authenticated_post("/auth/2fa/enable", lambda scenario: {"code": scenario.set_up_totp()}),
        dynamodb=7,
        sqs=1,
    ),
    BudgetCase("POST /api/v1/auth/2fa/disable", 204, _post_with_mfa_enabled("/auth/2fa/disable"), dynamodb=6, sqs=1),
    BudgetCase(
        "POST /api/v1/auth/2fa/recovery-codes",
        200,
        _post_with_mfa_enabled("/auth/2fa/recovery-codes"),
        dynamodb=6,
        sqs=1,
    ),
    # The provider is not configured, and the state is unknown: everything else is time of the provider.
    BudgetCase(
        "GET /api/v1/auth/oauth/{provider}/start", 404, _oauth_request("GET", "/auth/oauth/none/start"), dynamodb=1
    ),
    BudgetCase(
        "GET /api/v1/auth/oauth/{provider}/callback",
        401,
        _oauth_request("GET", f"/auth/oauth/none/callback?state=ho_{'0' * 26}_{'0' * 26}"),
        dynamodb=2,
    ),
    BudgetCase("GET /api/v1/auth/identities", 200, authenticated_get("/auth/identities"), dynamodb=2),
    BudgetCase(
        "POST /api/v1/auth/identities/{provider}/link",
        404,
        _oauth_request("POST", "/auth/identities/none/link"),
        dynamodb=1,
    ),
    BudgetCase(
        "DELETE /api/v1/auth/identities/{provider}", 404, _oauth_request("DELETE", "/auth/identities/none"), dynamodb=3
    ),
)
