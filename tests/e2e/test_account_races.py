"""Races of requests about accounts: a code or token is accepted once."""

import time
from collections import Counter
from dataclasses import dataclass

import pytest
from pyotp import TOTP

from tests.support.e2e.actions import CONCURRENCY, run_concurrently
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import PASSWORD, Client, Response, Server, create_client, new_email
from tests.support.e2e.mailbox import Mailbox

_LOGIN_RATE_LIMIT = 50  # of the stage `local`


@dataclass(frozen=True)
class MfaUser:
    """A user with a second factor."""

    client: Client
    totp_secret: str
    recovery_codes: list[str]

    def request_mfa_token(self) -> str:
        """Sign in with the password, and return the token for the second factor."""
        body = {"email": self.client.email, "password": PASSWORD}
        data = Client(self.client.server).post("/auth/login", body).data()
        assert data["mfaRequired"] is True
        return str(data["mfaToken"])

    def next_totp_code(self) -> str:
        """Return the code of the next time step, because enabling used the present one."""
        return TOTP(self.totp_secret).at(int(time.time()) + 30)


@pytest.fixture(scope="module", autouse=True)
def _warm_auth_workers(api_gateway: Server) -> None:
    """Start workers, because cold starts would serialize a race."""
    run_concurrently(CONCURRENCY, lambda _: Client(api_gateway).get("/auth/me", authorization="Bearer none"))


@pytest.fixture
def mfa_user(api_gateway: Server) -> MfaUser:
    """Create a user with a second factor."""
    client = create_client(api_gateway)
    totp_secret = client.post("/auth/2fa/setup").data()["secret"]
    codes = client.post("/auth/2fa/enable", {"code": TOTP(totp_secret).now()}).data()["recoveryCodes"]
    return MfaUser(client, totp_secret, codes)


def test_totp_code_is_accepted_from_one_of_16_concurrent_logins(mfa_user: MfaUser, anonymous: Client) -> None:
    tokens = [mfa_user.request_mfa_token() for _ in range(16)]
    code = mfa_user.next_totp_code()

    responses = run_concurrently(
        16, lambda number: anonymous.post("/auth/2fa/verify", {"mfaToken": tokens[number], "code": code})
    )

    _assert_single_winner(responses, 200, "wrong_code")


def test_recovery_code_is_accepted_from_one_of_16_concurrent_logins(mfa_user: MfaUser, anonymous: Client) -> None:
    tokens, code = [mfa_user.request_mfa_token() for _ in range(16)], mfa_user.recovery_codes[0]

    responses = run_concurrently(
        16, lambda number: anonymous.post("/auth/2fa/verify", {"mfaToken": tokens[number], "recoveryCode": code})
    )

    _assert_single_winner(responses, 200, "wrong_code")
    body = {"mfaToken": mfa_user.request_mfa_token(), "recoveryCode": mfa_user.recovery_codes[1]}
    assert anonymous.post("/auth/2fa/verify", body).data()["user"]["id"] == mfa_user.client.user["id"]


def test_mfa_token_completes_one_of_16_concurrent_logins(mfa_user: MfaUser, anonymous: Client) -> None:
    token, codes = mfa_user.request_mfa_token(), mfa_user.recovery_codes

    responses = run_concurrently(
        16,
        lambda number: anonymous.post(
            "/auth/2fa/verify", {"mfaToken": token, "recoveryCode": codes[number % len(codes)]}
        ),
    )

    assert [response.status for response in responses].count(200) == 1
    assert {response.status for response in responses} == {200, 401}


def test_reset_token_is_accepted_from_one_of_16_concurrent_requests(
    client: Client, anonymous: Client, mailbox: Mailbox
) -> None:
    assert anonymous.post("/auth/forgot-password", {"email": client.email}).status == 202
    token = mailbox.wait_for_token(client.email)
    passwords = [f"horse battery {number}" for number in range(16)]

    responses = run_concurrently(
        16, lambda number: anonymous.post("/auth/reset-password", {"token": token, "password": passwords[number]})
    )

    _assert_single_winner(responses, 204, "invalid_token")
    winner = next(number for number, response in enumerate(responses) if response.status == 204)
    body = {"email": client.email, "password": passwords[winner]}
    assert anonymous.post("/auth/login", body).status == 200


def test_50_concurrent_wrong_logins_are_audited_and_the_next_login_is_refused(
    client: Client, anonymous: Client, aws_state: AwsState
) -> None:
    body = {"email": client.email, "password": "wrong horse battery"}

    # The limit counts before the password is hashed, so a 429 costs no hash.
    responses = run_concurrently(_LOGIN_RATE_LIMIT, lambda _: anonymous.post("/auth/login", body))

    assert Counter(response.status for response in responses) == {401: _LOGIN_RATE_LIMIT}
    assert {response.problem(401, "invalid_credentials")["detail"] for response in responses} == {
        "The email address or the password is incorrect."
    }
    assert _count_failed_logins(aws_state, client) == _LOGIN_RATE_LIMIT
    refused = anonymous.post("/auth/login", {**body, "password": PASSWORD})
    refused.problem(429, "too_many_requests")
    assert 0 < int(refused.headers["retry-after"]) <= 900
    assert client.get("/auth/me").status == 200  # sessions continue


def test_unknown_address_has_the_same_login_limit(anonymous: Client) -> None:
    body = {"email": new_email(), "password": PASSWORD}

    responses = run_concurrently(_LOGIN_RATE_LIMIT + 10, lambda _: anonymous.post("/auth/login", body))

    assert Counter(response.status for response in responses) == {401: _LOGIN_RATE_LIMIT, 429: 10}


def test_wrong_logins_from_another_network_do_not_lock_a_user_out(
    client: Client, anonymous: Client, aws_state: AwsState
) -> None:
    wrong, right = ({"email": client.email, "password": password} for password in ("no horse", PASSWORD))
    elsewhere = {"x_holdall_origin_verify": aws_state.edge_secret(), "x_holdall_viewer": "192.0.2.77"}

    responses = run_concurrently(_LOGIN_RATE_LIMIT + 1, lambda _: anonymous.post("/auth/login", wrong, **elsewhere))
    assert Counter(response.status for response in responses) == {401: _LOGIN_RATE_LIMIT, 429: 1}

    assert anonymous.post("/auth/login", right).status == 200
    anonymous.post("/auth/login", right, **elsewhere).problem(429, "too_many_requests")


def _assert_single_winner(responses: list[Response], status: int, code: str) -> None:
    assert Counter(response.status for response in responses) == {status: 1, 401: 15}
    for response in responses:
        if response.status != status:
            response.problem(401, code)


def _count_failed_logins(aws_state: AwsState, client: Client) -> int:
    rows = aws_state.audit_rows_by_target(client.user["id"])
    return [(row["action"], row["outcome"]) for row in rows].count(("sessions.create", "denied"))
