"""Many at once at the doors of accounts: whatever is single use has one winner."""

import time
from collections import Counter
from dataclasses import dataclass

import pytest
from pyotp import TOTP

from tests.stack.client import PASSWORD, Answer, Client, Server, new_email, signed_in
from tests.stack.post import Post
from tests.stack.state import State
from tests.stack.work import WIDTH, at_once

_LIMIT = 50  # of `login`, in stage local


@dataclass(frozen=True)
class Guarded:
    """Somebody with a second factor."""

    client: Client
    seed: str
    recovery_codes: list[str]

    def half_way(self) -> str:
        """The token of a login that wants the second factor yet."""
        said = {"email": self.client.email, "password": PASSWORD}
        told = Client(self.client.server).post("/auth/login", said).data()
        assert told["mfaRequired"] is True
        return str(told["mfaToken"])

    def next_code(self) -> str:
        """A code of a step after the one that enabling took."""
        return TOTP(self.seed).at(int(time.time()) + 30)


@pytest.fixture(scope="module", autouse=True)
def ready(direct: Server) -> None:
    """Workers that are ready."""
    at_once(WIDTH, lambda _: Client(direct).get("/auth/me", authorization="Bearer none"))


@pytest.fixture
def guarded(direct: Server) -> Guarded:
    """Somebody new with a second factor."""
    client = signed_in(direct)
    seed = client.post("/auth/2fa/setup").data()["secret"]
    codes = client.post("/auth/2fa/enable", {"code": TOTP(seed).now()}).data()["recoveryCodes"]
    return Guarded(client, seed, codes)


def test_one_step_of_totp_lets_one_of_sixteen_in(guarded: Guarded, visitor: Client) -> None:
    tokens = [guarded.half_way() for _ in range(16)]
    code = guarded.next_code()

    answers = at_once(16, lambda number: visitor.post("/auth/2fa/verify", {"mfaToken": tokens[number], "code": code}))

    _one_winner(answers, 200, "wrong_code")


def test_one_recovery_code_lets_one_of_sixteen_in(guarded: Guarded, visitor: Client) -> None:
    tokens, code = [guarded.half_way() for _ in range(16)], guarded.recovery_codes[0]

    answers = at_once(
        16, lambda number: visitor.post("/auth/2fa/verify", {"mfaToken": tokens[number], "recoveryCode": code})
    )

    _one_winner(answers, 200, "wrong_code")
    assert (
        visitor.post(
            "/auth/2fa/verify", {"mfaToken": guarded.half_way(), "recoveryCode": guarded.recovery_codes[1]}
        ).data()["user"]["id"]
        == (guarded.client.user["id"])
    )


def test_one_half_finished_login_is_finished_once_by_sixteen(guarded: Guarded, visitor: Client) -> None:
    token, codes = guarded.half_way(), guarded.recovery_codes

    answers = at_once(
        16,
        lambda number: visitor.post(
            "/auth/2fa/verify", {"mfaToken": token, "recoveryCode": codes[number % len(codes)]}
        ),
    )

    assert [answer.status for answer in answers].count(200) == 1
    assert {answer.status for answer in answers} == {200, 401}


def test_one_reset_link_is_taken_by_one_of_sixteen(client: Client, visitor: Client, post: Post) -> None:
    assert visitor.post("/auth/forgot-password", {"email": client.email}).status == 202
    token = post.token(client.email)
    passwords = [f"horse battery {number}" for number in range(16)]

    answers = at_once(
        16, lambda number: visitor.post("/auth/reset-password", {"token": token, "password": passwords[number]})
    )

    _one_winner(answers, 204, "invalid_token")
    winner = next(number for number, answer in enumerate(answers) if answer.status == 204)
    said = {"email": client.email, "password": passwords[winner]}
    assert visitor.post("/auth/login", said).status == 200


def test_fifty_wrong_logins_at_once_are_fifty_audit_rows_and_the_next_is_told_to_wait(
    client: Client, visitor: Client, state: State
) -> None:
    said = {"email": client.email, "password": "wrong horse battery"}

    # Counted before it is hashed: whoever is told 401 was hashed for, and whoever is told 429 was not.
    answers = at_once(_LIMIT, lambda _: visitor.post("/auth/login", said))

    assert Counter(answer.status for answer in answers) == {401: _LIMIT}
    assert {answer.problem(401, "invalid_credentials")["detail"] for answer in answers} == {
        "The e-mail address or the password is wrong."
    }
    assert _failed(state, client) == _LIMIT
    refused = visitor.post("/auth/login", {**said, "password": PASSWORD})
    refused.problem(429, "too_many_requests")
    assert 0 < int(refused.headers["retry-after"]) <= 900
    assert client.get("/auth/me").status == 200  # who is signed in stays so


def test_an_unknown_address_is_held_back_as_a_known_one_is(visitor: Client) -> None:
    said = {"email": new_email(), "password": PASSWORD}

    answers = at_once(_LIMIT + 10, lambda _: visitor.post("/auth/login", said))

    assert Counter(answer.status for answer in answers) == {401: _LIMIT, 429: 10}


def test_an_owner_is_not_locked_out_by_a_stranger_elsewhere(client: Client, visitor: Client, state: State) -> None:
    wrong, right = ({"email": client.email, "password": password} for password in ("no horse", PASSWORD))
    elsewhere = {"x_holdall_edge": state.edge_secret(), "x_holdall_viewer": "192.0.2.77"}

    answers = at_once(_LIMIT + 1, lambda _: visitor.post("/auth/login", wrong, **elsewhere))
    assert Counter(answer.status for answer in answers) == {401: _LIMIT, 429: 1}

    assert visitor.post("/auth/login", right).status == 200
    visitor.post("/auth/login", right, **elsewhere).problem(429, "too_many_requests")


def _one_winner(answers: list[Answer], status: int, code: str) -> None:
    assert Counter(answer.status for answer in answers) == {status: 1, 401: 15}
    for answer in answers:
        if answer.status != status:
            answer.problem(401, code)


def _failed(state: State, client: Client) -> int:
    rows = state.targeted(client.user["id"])
    return [(row["action"], row["outcome"]) for row in rows].count(("login.failed", "denied"))
