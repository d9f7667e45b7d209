"""Codes of the second factor (S5): each works once, even in a race; wrong ones are limited; no way to sign in skips them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdall.accounts import challenges
from holdall.accounts.challenges import MfaPayload
from holdall.accounts.model import WrongCode
from holdall.accounts.service import mfa
from holdall.iam.model import InvalidToken
from holdall.platform.table import Transaction
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.mfa import MfaUser, enable_mfa
from tests.support.settings import rate_limits

_SOURCE_ROOT = Path(mfa.__file__).parents[2]


@pytest.fixture
def owner(client: Client, frozen_clock: FrozenClock) -> MfaUser:
    """Return a user with a second factor that was enabled two time steps ago."""
    user = enable_mfa(client)
    frozen_clock.advance(seconds=60)
    return user


@pytest.fixture
def _five_code_attempts(override_settings: OverrideSettings) -> None:
    """Set the limit of the cloud stages."""
    override_settings(RATE_LIMITS=rate_limits(second_factor=[5, 900]))


def test_code_that_enabled_the_factor_completes_no_login(client: Client, frozen_clock: FrozenClock) -> None:
    owner = enable_mfa(client)

    assert owner.complete_login(code=owner.totp_code()).problem()["code"] == "wrong_code"


def test_time_step_is_accepted_once(owner: MfaUser) -> None:
    assert owner.complete_login(code=owner.totp_code()).status == 200

    assert owner.complete_login(code=owner.totp_code()).problem()["code"] == "wrong_code"


def test_earlier_time_step_is_used_up_too(owner: MfaUser) -> None:
    assert owner.complete_login(code=owner.totp_code()).status == 200

    assert owner.complete_login(code=owner.totp_code(-1)).problem()["code"] == "wrong_code"
    assert owner.complete_login(code=owner.totp_code(1)).status == 200  # the clock of the app may be ahead


def test_recovery_code_works_once(owner: MfaUser) -> None:
    code = owner.recovery_codes[3]
    assert owner.complete_login(recoveryCode=code).status == 200

    assert owner.complete_login(recoveryCode=code).problem()["code"] == "wrong_code"
    assert owner.complete_login(recoveryCode=owner.recovery_codes[4]).status == 200


@pytest.mark.parametrize("kind", ["code", "recovery_code"])
def test_code_in_two_requests_at_once_works_once(owner: MfaUser, kind: str) -> None:
    codes: dict[str, str | None] = {"code": None, "recovery_code": None}
    codes[kind] = owner.totp_code() if kind == "code" else owner.recovery_codes[0]
    user_id = owner.client.user["id"]

    late = Transaction()
    mfa.consume_code(late, user_id, **codes)
    with Transaction() as early:
        mfa.consume_code(early, user_id, **codes)
    with pytest.raises(WrongCode), late:
        pass


def test_token_in_two_requests_at_once_works_once(owner: MfaUser) -> None:
    token = owner.request_mfa_token()

    first, second = (challenges.verify(MfaPayload, token) for _ in range(2))
    with Transaction() as early:
        challenges.consume(early, first)
    with pytest.raises(InvalidToken), Transaction() as late:
        challenges.consume(late, second)


def test_token_completes_one_login(owner: MfaUser) -> None:
    token = owner.request_mfa_token()
    assert owner.complete_login(token, recoveryCode=owner.recovery_codes[0]).status == 200

    assert owner.complete_login(token, recoveryCode=owner.recovery_codes[1]).problem()["code"] == "invalid_token"


def test_used_token_does_not_use_up_a_code(owner: MfaUser) -> None:
    token = owner.request_mfa_token()
    assert owner.complete_login(token, recoveryCode=owner.recovery_codes[0]).status == 200
    assert owner.complete_login(token, recoveryCode=owner.recovery_codes[1]).status == 401

    assert owner.complete_login(recoveryCode=owner.recovery_codes[1]).status == 200


def test_wrong_code_does_not_use_up_the_token(owner: MfaUser) -> None:
    token = owner.request_mfa_token()
    assert owner.complete_login(token, code=owner.wrong_code()).problem()["code"] == "wrong_code"
    assert owner.complete_login(token, recoveryCode="00000-00000-00000-00000-00000").problem()["code"] == "wrong_code"

    assert owner.complete_login(token, code=owner.totp_code()).status == 200


def test_token_expires_after_five_minutes(owner: MfaUser, frozen_clock: FrozenClock) -> None:
    early, late = owner.request_mfa_token(), owner.request_mfa_token()
    frozen_clock.advance(minutes=4, seconds=59)
    assert owner.complete_login(early, code=owner.totp_code()).status == 200
    frozen_clock.advance(seconds=1)

    assert owner.complete_login(late, recoveryCode=owner.recovery_codes[0]).problem()["code"] == "invalid_token"


@pytest.mark.parametrize("codes", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "0" * 64])  # noqa: RUF001
def test_malformed_code_is_wrong(owner: MfaUser, codes: str) -> None:
    assert owner.complete_login(code=codes).problem()["code"] == "wrong_code"
    assert owner.complete_login(recoveryCode=codes).problem()["code"] == "wrong_code"


@pytest.mark.usefixtures("_five_code_attempts")
def test_five_wrong_codes_block_further_ones_until_the_window_ends(owner: MfaUser, frozen_clock: FrozenClock) -> None:
    token = owner.request_mfa_token()
    for _ in range(5):
        assert owner.complete_login(token, code=owner.wrong_code()).status == 401

    response = owner.complete_login(token, code=owner.totp_code())
    assert (response.status, response.problem()["code"]) == (429, "too_many_requests")
    assert (
        owner.complete_login(recoveryCode=owner.recovery_codes[0]).status == 429
    )  # with any kind of code and any token
    wait = int(response.headers["retry-after"])
    assert 0 < wait <= 900
    frozen_clock.advance(seconds=wait - 1)
    assert owner.complete_login(code=owner.totp_code()).status == 429
    frozen_clock.advance(seconds=1)
    assert owner.complete_login(code=owner.totp_code()).status == 200


@pytest.mark.usefixtures("_five_code_attempts")
def test_wrong_codes_of_one_account_do_not_block_another(
    owner: MfaUser, stranger: Client, frozen_clock: FrozenClock
) -> None:
    other = enable_mfa(stranger)
    for _ in range(6):
        owner.complete_login(code=owner.wrong_code())
    frozen_clock.advance(seconds=30)

    assert other.complete_login(code=other.totp_code()).status == 200


@pytest.mark.usefixtures("_five_code_attempts")
def test_correct_codes_are_not_counted(owner: MfaUser) -> None:
    for code in owner.recovery_codes[:7]:
        assert owner.complete_login(recoveryCode=code).status == 200


def test_wrong_code_is_audited_as_a_failed_login(owner: MfaUser, fake_aws: FakeAws) -> None:
    owner.complete_login(code=owner.wrong_code())

    (row,) = fake_aws.find_rows("audit", action="sessions.create", outcome="denied")
    assert (row["target"], row["outcome"]) == (owner.client.user["id"], "denied")


def test_user_who_was_disabled_meanwhile_cannot_sign_in(owner: MfaUser, fake_aws: FakeAws) -> None:
    token = owner.request_mfa_token()
    fake_aws.update_row(f"USER#{owner.client.user['id']}", "USER", status="disabled")

    assert owner.complete_login(token, code=owner.totp_code()).problem()["code"] == "invalid_token"


# The functions that create a session, and why each is safe.
_ALLOWED_CALLERS = {
    "accounts.service.sign_in.complete_first_factor": "requires the second factor",
    "accounts.service.sign_in.verify_mfa": "verifies the second factor",
    "iam.service.sessions.issue_developer_token": "is a command of the operator, which no route calls",
}


def _find_callers(name: str) -> Iterator[str]:
    """Return the functions of `holdall` that call a function of this name."""
    for path in sorted(_SOURCE_ROOT.rglob("*.py")):
        module = ".".join(path.relative_to(_SOURCE_ROOT).with_suffix("").parts)
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef) and any(_is_call(node, name) for node in ast.walk(function)):
                yield f"{module}.{function.name}"


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and name in (getattr(node.func, "attr", ""), getattr(node.func, "id", ""))


def test_every_way_to_sign_in_requires_the_second_factor() -> None:
    assert set(_find_callers("create_session")) == set(_ALLOWED_CALLERS)
    assert set(_find_callers("add_session")) == {"iam.service.sessions.create_session"}


def test_only_a_new_account_skips_the_second_factor() -> None:
    skipped = []
    for path in _SOURCE_ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _is_call(node, "complete_first_factor"):
                arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if arguments["requires_mfa"] in ("True", "False"):
                    skipped.append((arguments["requires_mfa"], arguments.get("is_new")))

    assert skipped == [("False", "True")] * 2  # a verified sign-up, and a sign-up with a provider
