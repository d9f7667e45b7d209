"""The second factor (S5): on, asked for, off. What guards it is guarded by a fresh session, and its owner is told."""

from xml.etree import ElementTree as ET

import pytest

from tests.api.conftest import FrozenClock
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.mfa import MfaUser, compute_totp_code, enable_mfa, receive_email_details


@pytest.fixture
def owner(client: Client, frozen_clock: FrozenClock) -> MfaUser:
    """Somebody whose second factor was turned on a time step ago, so that the app shows another code."""
    protected = enable_mfa(client)
    frozen_clock.advance(seconds=60)
    return protected


def signs_in_by_password_alone(client: Client) -> bool:
    """Whether a password alone begins a session."""
    answer = Client().post("/auth/login", {"email": client.user["email"], "password": users.PASSWORD})
    return "accessToken" in answer.data()


def test_a_set_up_gives_the_seed_as_a_text_a_link_and_a_picture(client: Client) -> None:
    data = client.post("/auth/2fa/setup").data()

    assert set(data) == {"secret", "otpauthUri", "qrSvg"}
    assert len(data["secret"]) == 32
    assert data["otpauthUri"].startswith("otpauth://totp/Holdall:")
    assert f"secret={data['secret']}" in data["otpauthUri"]
    picture = ET.fromstring(data["qrSvg"])  # noqa: S314  # of our own making
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert "script" not in data["qrSvg"]


def test_a_set_up_alone_asks_for_nothing(client: Client) -> None:
    client.post("/auth/2fa/setup").data()

    assert signs_in_by_password_alone(client)


def test_a_wrong_code_turns_nothing_on(client: Client) -> None:
    seed = client.post("/auth/2fa/setup").data()["secret"]
    refused = client.post("/auth/2fa/enable", {"code": compute_totp_code(seed, 1000)})

    assert (refused.status, refused.problem()["code"]) == (401, "wrong_code")
    assert signs_in_by_password_alone(client)
    assert client.post("/auth/2fa/enable", {"code": compute_totp_code(seed)}).status == 200


def test_the_code_of_an_earlier_set_up_turns_nothing_on(client: Client) -> None:
    first = client.post("/auth/2fa/setup").data()["secret"]
    client.post("/auth/2fa/setup").data()

    assert client.post("/auth/2fa/enable", {"code": compute_totp_code(first)}).problem()["code"] == "wrong_code"


def test_recovery_codes_and_seeds_are_shown_once_and_stored_as_they_cannot_be_read(
    owner: MfaUser, fake_aws: FakeAws
) -> None:
    rows = str(fake_aws.find_rows("credentials")) + str(fake_aws.find_rows("main")) + str(fake_aws.find_rows("audit"))

    assert len(set(owner.recovery_codes)) == 10
    for canary in (owner.totp_secret, *owner.recovery_codes, *(code.replace("-", "") for code in owner.recovery_codes)):
        assert canary not in rows
    assert owner.client.get("/auth/me").data().keys().isdisjoint({"recoveryCodes", "secret"})


@pytest.mark.parametrize("path", ["/auth/2fa/setup", "/auth/2fa/enable"])
def test_what_is_on_is_not_turned_on_again(owner: MfaUser, path: str) -> None:
    body = {"code": owner.totp_code()} if path.endswith("enable") else None

    assert owner.client.post(path, body).problem()["code"] == "wrong_state"
    assert owner.complete_login(code=owner.totp_code()).status == 200  # the seed is still that of the app


@pytest.mark.parametrize("path", ["/auth/2fa/enable", "/auth/2fa/disable", "/auth/2fa/recovery-codes"])
def test_what_is_not_there_is_not_changed(client: Client, path: str) -> None:
    body = {"code": "123456"} if path.endswith("enable") else None

    answer = client.post(path, body)
    assert (answer.status, answer.problem()["code"]) == (409, "wrong_state")


def test_a_login_asks_for_the_second_factor_and_gives_nothing_before(owner: MfaUser) -> None:
    answer = Client().post("/auth/login", {"email": owner.email, "password": users.PASSWORD, "mode": "cookie"})

    assert answer.data() == {
        "mfaRequired": True,
        "mfaToken": answer.data()["mfaToken"],
        "methods": ["totp", "recovery_code"],
    }
    assert "set-cookie" not in answer.headers


def test_a_wrong_password_is_not_told_of_the_second_factor(owner: MfaUser, stranger: Client) -> None:
    answers = [
        Client().post("/auth/login", {"email": email, "password": "not the password"})
        for email in (owner.email, stranger.user["email"], users.unique_email())
    ]

    assert answers[0].problem() == answers[1].problem() == answers[2].problem()


def test_a_code_finishes_a_login(owner: MfaUser) -> None:
    data = owner.complete_login(code=owner.totp_code()).data()

    assert Client(data["accessToken"]).get("/auth/me").data()["email"] == owner.email
    assert Client().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).status == 200


def test_a_recovery_code_finishes_a_login_however_it_is_typed(owner: MfaUser) -> None:
    assert owner.complete_login(recoveryCode=owner.recovery_codes[0]).status == 200
    assert owner.complete_login(recoveryCode=owner.recovery_codes[1].upper().replace("-", " ")).status == 200


@pytest.mark.parametrize("means", ["code", "recoveryCode"])
def test_a_login_is_finished_by_a_cookie(owner: MfaUser, means: str) -> None:
    shown = {"code": owner.totp_code(), "recoveryCode": owner.recovery_codes[0]}
    answer = owner.complete_login(mode="cookie", **{means: shown[means]})

    assert set(answer.data()) == {"csrfToken", "user"}


def test_both_codes_or_none_finish_nothing(owner: MfaUser) -> None:
    both = {"code": owner.totp_code(), "recoveryCode": owner.recovery_codes[0]}

    assert owner.complete_login(**both).status == 422
    assert owner.complete_login().status == 422


@pytest.mark.parametrize("change", ["enable", "disable", "renew"])
def test_a_change_ends_the_other_sessions_and_tells_the_owner(
    client: Client, frozen_clock: FrozenClock, fake_aws: FakeAws, change: str
) -> None:
    if change == "enable":
        other = users.sign_in(client.user["email"])
        seed = client.post("/auth/2fa/setup").data()["secret"]
        client.post("/auth/2fa/enable", {"code": compute_totp_code(seed)}).data()
    else:
        owner = enable_mfa(client)
        frozen_clock.advance(seconds=60)
        data = owner.complete_login(code=owner.totp_code()).data()
        other = Client(data["accessToken"], client.user, data["refreshToken"])
        fake_aws.receive_messages("mail")
        path = {"disable": "/auth/2fa/disable", "renew": "/auth/2fa/recovery-codes"}[change]
        assert client.post(path).status < 300

    assert other.get("/auth/me").status == 401
    assert Client().post("/auth/refresh", {"refreshToken": other.refresh_token}).status == 401
    assert client.get("/auth/me").status == 200
    (told,) = receive_email_details(fake_aws, client.user["email"])
    words = {"enable": "turned on", "disable": "turned off", "renew": "recovery codes"}
    assert words[change] in told
    assert "All other sessions have ended" in told
    assert len(fake_aws.find_rows("audit", action=f"accounts.{_audit_action(change)}", actor=client.user["id"])) == 1


def _audit_action(change: str) -> str:
    return {"enable": "enable-2fa", "disable": "disable-2fa", "renew": "renew-2fa-codes"}[change]


def test_what_is_off_is_not_asked_for_and_leaves_nothing(owner: MfaUser, fake_aws: FakeAws) -> None:
    pending = owner.request_mfa_token()
    assert owner.client.post("/auth/2fa/disable").status == 204

    assert signs_in_by_password_alone(owner.client)
    kinds = {row["record_type"] for row in fake_aws.find_rows("credentials", pk=f"USER#{owner.client.user['id']}")}
    assert kinds == {"password"}
    assert owner.complete_login(pending, code=owner.totp_code()).status == 401
    assert owner.complete_login(pending, recoveryCode=owner.recovery_codes[0]).status == 401


def test_new_recovery_codes_make_the_old_ones_void(owner: MfaUser) -> None:
    renewed = owner.client.post("/auth/2fa/recovery-codes").data()["recoveryCodes"]

    assert owner.complete_login(recoveryCode=owner.recovery_codes[0]).problem()["code"] == "wrong_code"
    assert owner.complete_login(recoveryCode=renewed[0]).status == 200


@pytest.mark.parametrize("path", ["setup", "enable", "disable", "recovery-codes"])
def test_a_session_that_is_not_fresh_changes_nothing(owner: MfaUser, frozen_clock: FrozenClock, path: str) -> None:
    frozen_clock.advance(minutes=11)
    answer = owner.client.post(f"/auth/2fa/{path}", {"code": owner.totp_code()} if path == "enable" else None)

    assert (answer.status, answer.problem()["code"]) == (403, "fresh_session_required")


def test_a_change_without_a_proof_makes_no_session_fresh_again(owner: MfaUser, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(minutes=8)
    owner.client.post("/auth/2fa/recovery-codes").data()
    frozen_clock.advance(minutes=3)

    assert owner.client.post("/auth/2fa/recovery-codes").problem()["code"] == "fresh_session_required"


def test_another_password_does_not_turn_it_off(owner: MfaUser) -> None:
    said = {"currentPassword": users.PASSWORD, "newPassword": "another long password"}
    assert owner.client.post("/auth/change-password", said).status == 204

    answer = Client().post("/auth/login", {"email": owner.email, "password": said["newPassword"]})
    assert answer.data()["mfaRequired"] is True


def test_a_reset_of_the_password_does_not_turn_it_off(owner: MfaUser, fake_aws: FakeAws) -> None:
    fake_aws.receive_messages("mail")
    Client().post("/auth/forgot-password", {"email": owner.email}).data()
    (token,) = receive_email_details(fake_aws, owner.email, "reset")
    said = {"token": token, "password": "another long password"}
    assert Client().post("/auth/reset-password", said).status == 204

    answer = Client().post("/auth/login", {"email": owner.email, "password": said["password"]})
    assert answer.data()["mfaRequired"] is True


def test_a_login_that_was_begun_with_an_old_password_is_not_finished(owner: MfaUser) -> None:
    pending = owner.request_mfa_token()
    said = {"currentPassword": users.PASSWORD, "newPassword": "another long password"}
    assert owner.client.post("/auth/change-password", said).status == 204

    assert owner.complete_login(pending, code=owner.totp_code()).problem()["code"] == "invalid_token"
