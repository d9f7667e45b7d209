"""Many at once at the doors of accounts: whatever is single use has one winner."""

import time
from collections import Counter
from dataclasses import dataclass

import pytest
from pyotp import TOTP

from tests.support.e2e.actions import CONCURRENCY, run_concurrently
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import PASSWORD, Client, Response, Server, create_client, new_email
from tests.support.e2e.mailbox import Mailbox

_LOGIN_RATE_LIMIT = 50  # of `login`, in stage local


@dataclass(frozen=True)
class MfaUser:
    """Somebody with a second factor."""

    client: Client
    totp_secret: str
    recovery_codes: list[str]

    def request_mfa_token(self) -> str:
        """The token of a login that wants the second factor yet."""
        said = {"email": self.client.email, "password": PASSWORD}
        told = Client(self.client.server).post("/auth/login", said).data()
        assert told["mfaRequired"] is True
        return str(told["mfaToken"])

    def next_totp_code(self) -> str:
        """A code of a step after the one that enabling took."""
        return TOTP(self.totp_secret).at(int(time.time()) + 30)


@pytest.fixture(scope="module", autouse=True)
def _warm_auth_workers(api_gateway: Server) -> None:
    """Workers that are ready."""
    run_concurrently(CONCURRENCY, lambda _: Client(api_gateway).get("/auth/me", authorization="Bearer none"))


@pytest.fixture
def mfa_user(api_gateway: Server) -> MfaUser:
    """Somebody new with a second factor."""
    client = create_client(api_gateway)
    seed = client.post("/auth/2fa/setup").data()["secret"]
    codes = client.post("/auth/2fa/enable", {"code": TOTP(seed).now()}).data()["recoveryCodes"]
    return MfaUser(client, seed, codes)


def test_one_step_of_totp_lets_one_of_sixteen_in(mfa_user: MfaUser, anonymous: Client) -> None:
    tokens = [mfa_user.request_mfa_token() for _ in range(16)]
    code = mfa_user.next_totp_code()

    answers = run_concurrently(
        16, lambda number: anonymous.post("/auth/2fa/verify", {"mfaToken": tokens[number], "code": code})
    )

    _assert_single_winner(answers, 200, "wrong_code")


def test_one_recovery_code_lets_one_of_sixteen_in(mfa_user: MfaUser, anonymous: Client) -> None:
    tokens, code = [mfa_user.request_mfa_token() for _ in range(16)], mfa_user.recovery_codes[0]

    answers = run_concurrently(
        16, lambda number: anonymous.post("/auth/2fa/verify", {"mfaToken": tokens[number], "recoveryCode": code})
    )

    _assert_single_winner(answers, 200, "wrong_code")
    assert (
        anonymous.post(
            "/auth/2fa/verify", {"mfaToken": mfa_user.request_mfa_token(), "recoveryCode": mfa_user.recovery_codes[1]}
        ).data()["user"]["id"]
        == (mfa_user.client.user["id"])
    )


def test_one_half_finished_login_is_finished_once_by_sixteen(mfa_user: MfaUser, anonymous: Client) -> None:
    token, codes = mfa_user.request_mfa_token(), mfa_user.recovery_codes

    answers = run_concurrently(
        16,
        lambda number: anonymous.post(
            "/auth/2fa/verify", {"mfaToken": token, "recoveryCode": codes[number % len(codes)]}
        ),
    )

    assert [answer.status for answer in answers].count(200) == 1
    assert {answer.status for answer in answers} == {200, 401}


def test_one_reset_link_is_taken_by_one_of_sixteen(client: Client, anonymous: Client, mailbox: Mailbox) -> None:
    assert anonymous.post("/auth/forgot-password", {"email": client.email}).status == 202
    token = mailbox.wait_for_token(client.email)
    passwords = [f"horse battery {number}" for number in range(16)]

    answers = run_concurrently(
        16, lambda number: anonymous.post("/auth/reset-password", {"token": token, "password": passwords[number]})
    )

    _assert_single_winner(answers, 204, "invalid_token")
    winner = next(number for number, answer in enumerate(answers) if answer.status == 204)
    said = {"email": client.email, "password": passwords[winner]}
    assert anonymous.post("/auth/login", said).status == 200


def test_fifty_wrong_logins_at_once_are_fifty_audit_rows_and_the_next_is_told_to_wait(
    client: Client, anonymous: Client, aws_state: AwsState
) -> None:
    said = {"email": client.email, "password": "wrong horse battery"}

    # Counted before it is hashed: whoever is told 401 was hashed for, and whoever is told 429 was not.
    answers = run_concurrently(_LOGIN_RATE_LIMIT, lambda _: anonymous.post("/auth/login", said))

    assert Counter(answer.status for answer in answers) == {401: _LOGIN_RATE_LIMIT}
    assert {answer.problem(401, "invalid_credentials")["detail"] for answer in answers} == {
        "The email address or the password is incorrect."
    }
    assert _count_failed_logins(aws_state, client) == _LOGIN_RATE_LIMIT
    refused = anonymous.post("/auth/login", {**said, "password": PASSWORD})
    refused.problem(429, "too_many_requests")
    assert 0 < int(refused.headers["retry-after"]) <= 900
    assert client.get("/auth/me").status == 200  # who is signed in stays so


def test_an_unknown_address_is_held_back_as_a_known_one_is(anonymous: Client) -> None:
    said = {"email": new_email(), "password": PASSWORD}

    answers = run_concurrently(_LOGIN_RATE_LIMIT + 10, lambda _: anonymous.post("/auth/login", said))

    assert Counter(answer.status for answer in answers) == {401: _LOGIN_RATE_LIMIT, 429: 10}


def test_an_owner_is_not_locked_out_by_a_stranger_elsewhere(
    client: Client, anonymous: Client, aws_state: AwsState
) -> None:
    wrong, right = ({"email": client.email, "password": password} for password in ("no horse", PASSWORD))
    elsewhere = {"x_holdall_origin_verify": aws_state.edge_secret(), "x_holdall_viewer": "192.0.2.77"}

    answers = run_concurrently(_LOGIN_RATE_LIMIT + 1, lambda _: anonymous.post("/auth/login", wrong, **elsewhere))
    assert Counter(answer.status for answer in answers) == {401: _LOGIN_RATE_LIMIT, 429: 1}

    assert anonymous.post("/auth/login", right).status == 200
    anonymous.post("/auth/login", right, **elsewhere).problem(429, "too_many_requests")


def _assert_single_winner(responses: list[Response], status: int, code: str) -> None:
    assert Counter(answer.status for answer in responses) == {status: 1, 401: 15}
    for answer in responses:
        if answer.status != status:
            answer.problem(401, code)


def _count_failed_logins(aws_state: AwsState, client: Client) -> int:
    rows = aws_state.audit_rows_by_target(client.user["id"])
    return [(row["action"], row["outcome"]) for row in rows].count(("sessions.create", "denied"))
