"""Codes of the second factor (S5): each counts once, in a race too; few wrong ones may be tried; every way in asks for one."""

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdall.accounts import challenges
from holdall.accounts.service import mfa
from holdall.iam.tokens import TokenKind
from holdall.platform.errors import Unauthenticated
from holdall.platform.table import Transaction
from tests.api.conftest import FrozenClock, OverrideSettings
from tests.conftest import RATE_LIMIT_NAMES
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.mfa import MfaUser, enable_mfa

_SOURCE_ROOT = Path(mfa.__file__).parents[2]


@pytest.fixture
def owner(client: Client, frozen_clock: FrozenClock) -> MfaUser:
    """Somebody whose second factor was turned on two time steps ago."""
    protected = enable_mfa(client)
    frozen_clock.advance(seconds=60)
    return protected


@pytest.fixture
def _five_code_attempts(override_settings: OverrideSettings) -> None:
    """The limit of the cloud stages."""
    override_settings(
        LIMITS=json.dumps({**{name: [1_000_000, 60] for name in RATE_LIMIT_NAMES}, "second-factor": [5, 900]})
    )


def test_the_code_that_turned_it_on_finishes_no_login(client: Client, frozen_clock: FrozenClock) -> None:
    owner = enable_mfa(client)

    assert owner.complete_login(code=owner.totp_code()).problem()["code"] == "wrong_code"


def test_totp_replay_a_step_is_taken_once(owner: MfaUser) -> None:
    assert owner.complete_login(code=owner.totp_code()).status == 200

    assert owner.complete_login(code=owner.totp_code()).problem()["code"] == "wrong_code"


def test_a_step_before_one_that_was_taken_is_gone(owner: MfaUser) -> None:
    assert owner.complete_login(code=owner.totp_code()).status == 200

    assert owner.complete_login(code=owner.totp_code(-1)).problem()["code"] == "wrong_code"
    assert owner.complete_login(code=owner.totp_code(1)).status == 200  # a clock may be ahead


def test_a_recovery_code_counts_once(owner: MfaUser) -> None:
    code = owner.recovery_codes[3]
    assert owner.complete_login(recoveryCode=code).status == 200

    assert owner.complete_login(recoveryCode=code).problem()["code"] == "wrong_code"
    assert owner.complete_login(recoveryCode=owner.recovery_codes[4]).status == 200


@pytest.mark.parametrize("means", ["code", "recovery_code"])
def test_of_two_that_show_the_same_code_at_once_one_wins(owner: MfaUser, means: str) -> None:
    shown: dict[str, str | None] = {"code": None, "recovery_code": None}
    shown[means] = owner.totp_code() if means == "code" else owner.recovery_codes[0]
    user_id = owner.client.user["id"]

    late = Transaction()
    mfa.consume_code(late, user_id, **shown)
    with Transaction() as early:
        mfa.consume_code(early, user_id, **shown)
    with pytest.raises(Unauthenticated) as failure, late:
        pass
    assert failure.value.code == "wrong_code"


def test_of_two_that_bring_the_same_token_at_once_one_wins(owner: MfaUser) -> None:
    token = owner.request_mfa_token()

    first, second = (challenges.verify(TokenKind.MFA, token) for _ in range(2))
    with Transaction() as early:
        challenges.consume(early, first)
    with pytest.raises(Unauthenticated), Transaction() as late:
        challenges.consume(late, second)


def test_a_token_finishes_one_login(owner: MfaUser) -> None:
    token = owner.request_mfa_token()
    assert owner.complete_login(token, recoveryCode=owner.recovery_codes[0]).status == 200

    assert owner.complete_login(token, recoveryCode=owner.recovery_codes[1]).problem()["code"] == "invalid_token"


def test_the_code_that_came_with_a_spent_token_is_not_used_up(owner: MfaUser) -> None:
    token = owner.request_mfa_token()
    assert owner.complete_login(token, recoveryCode=owner.recovery_codes[0]).status == 200
    assert owner.complete_login(token, recoveryCode=owner.recovery_codes[1]).status == 401

    assert owner.complete_login(recoveryCode=owner.recovery_codes[1]).status == 200


def test_a_wrong_code_does_not_use_up_the_token(owner: MfaUser) -> None:
    token = owner.request_mfa_token()
    assert owner.complete_login(token, code=owner.wrong_code()).problem()["code"] == "wrong_code"
    assert owner.complete_login(token, recoveryCode="00000-00000-00000-00000-00000").problem()["code"] == "wrong_code"

    assert owner.complete_login(token, code=owner.totp_code()).status == 200


def test_a_token_lives_five_minutes(owner: MfaUser, frozen_clock: FrozenClock) -> None:
    early, late = owner.request_mfa_token(), owner.request_mfa_token()
    frozen_clock.advance(minutes=4, seconds=59)
    assert owner.complete_login(early, code=owner.totp_code()).status == 200
    frozen_clock.advance(seconds=1)

    assert owner.complete_login(late, recoveryCode=owner.recovery_codes[0]).problem()["code"] == "invalid_token"


@pytest.mark.parametrize("shown", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "0" * 64])  # noqa: RUF001
def test_what_is_no_code_is_a_wrong_one(owner: MfaUser, shown: str) -> None:
    assert owner.complete_login(code=shown).problem()["code"] == "wrong_code"
    assert owner.complete_login(recoveryCode=shown).problem()["code"] == "wrong_code"


@pytest.mark.usefixtures("_five_code_attempts")
def test_five_wrong_codes_stop_further_ones_until_the_window_ends(owner: MfaUser, frozen_clock: FrozenClock) -> None:
    token = owner.request_mfa_token()
    for _ in range(5):
        assert owner.complete_login(token, code=owner.wrong_code()).status == 401

    stopped = owner.complete_login(token, code=owner.totp_code())
    assert (stopped.status, stopped.problem()["code"]) == (429, "too_many_requests")
    assert owner.complete_login(recoveryCode=owner.recovery_codes[0]).status == 429  # by whatever means and token
    wait = int(stopped.headers["retry-after"])
    assert 0 < wait <= 900
    frozen_clock.advance(seconds=wait - 1)
    assert owner.complete_login(code=owner.totp_code()).status == 429
    frozen_clock.advance(seconds=1)
    assert owner.complete_login(code=owner.totp_code()).status == 200


@pytest.mark.usefixtures("_five_code_attempts")
def test_the_codes_of_one_account_stop_nobody_else(owner: MfaUser, stranger: Client, frozen_clock: FrozenClock) -> None:
    other = enable_mfa(stranger)
    for _ in range(6):
        owner.complete_login(code=owner.wrong_code())
    frozen_clock.advance(seconds=30)

    assert other.complete_login(code=other.totp_code()).status == 200


@pytest.mark.usefixtures("_five_code_attempts")
def test_right_codes_are_not_counted(owner: MfaUser) -> None:
    for code in owner.recovery_codes[:7]:
        assert owner.complete_login(recoveryCode=code).status == 200


def test_wrong_codes_are_audited_as_failed_logins(owner: MfaUser, fake_aws: FakeAws) -> None:
    owner.complete_login(code=owner.wrong_code())

    (row,) = fake_aws.find_rows("audit", action="login.failed")
    assert (row["target"], row["outcome"]) == (owner.client.user["id"], "denied")


def test_a_user_who_was_disabled_meanwhile_does_not_get_in(owner: MfaUser, fake_aws: FakeAws) -> None:
    token = owner.request_mfa_token()
    fake_aws.update_row(f"USER#{owner.client.user['id']}", "USER", status="disabled")

    assert owner.complete_login(token, code=owner.totp_code()).problem()["code"] == "invalid_token"


# Who begins a session without passing `entry.enter`, which asks for the second factor, and why.
_ALLOWED_CALLERS = {
    "accounts.sign_in.complete_first_factor": "the second factor is required here",
    "accounts.sign_in.second_factor": "runs after the second factor was verified",
    "iam.service.sessions.developer_token": "an operator's command, authorised by IAM, which no route reaches",
}


def _find_callers(name: str) -> Iterator[str]:
    """The functions of ours in which something of this name is called."""
    for path in sorted(_SOURCE_ROOT.rglob("*.py")):
        module = ".".join(path.relative_to(_SOURCE_ROOT).with_suffix("").parts)
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef) and any(_is_call(node, name) for node in ast.walk(function)):
                yield f"{module}.{function.name}"


def _is_call(node: ast.AST, name: str) -> bool:
    called: Callable[[ast.expr], str] = lambda it: getattr(it, "attr", getattr(it, "id", ""))  # noqa: E731
    return isinstance(node, ast.Call) and called(node.func) == name


def test_every_way_in_asks_for_the_second_factor() -> None:
    assert set(_find_callers("open_session")) == set(_ALLOWED_CALLERS)
    assert set(_find_callers("add_session")) == {"iam.service.sessions.open_session"}


def test_no_way_in_decides_for_itself_that_none_is_wanted() -> None:
    """Only an account that is born in the same transaction can have none."""
    for path in _SOURCE_ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if _is_call(node, "enter") and isinstance(node, ast.Call):
                said = {each.arg: each.value for each in node.keywords}
                wanted, born = said.get("second_factor"), said.get("born")
                if isinstance(wanted, ast.Constant):
                    assert isinstance(born, ast.Constant), f"{path}:{node.lineno}"
                    assert (wanted.value, born.value) == (False, True), f"{path}:{node.lineno}"
