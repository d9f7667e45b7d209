"""The second factor (S5): setup, login and changes, which need a recent session and notify the owner."""

from xml.etree import ElementTree as ET

import pytest

from holdall.platform import clock
from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.browser import ORIGIN
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.mfa import MfaUser, compute_totp_code, enable_mfa


@pytest.fixture
def owner(client: Client, frozen_clock: FrozenClock) -> MfaUser:
    """Return a user with a second factor that was enabled two time steps ago, so that the app shows an unused code."""
    user = enable_mfa(client)
    frozen_clock.advance(seconds=60)
    return user


def can_sign_in_with_password_only(client: Client) -> bool:
    response = Client().post("/auth/login", {"email": client.user["email"], "password": users.PASSWORD})
    return "accessToken" in response.data()


def test_setup_returns_the_seed_a_uri_and_a_qr_code(client: Client) -> None:
    data = client.post("/auth/2fa/setup").data()

    assert set(data) == {"secret", "otpauthUri", "qrSvg"}
    assert len(data["secret"]) == 32
    assert data["otpauthUri"].startswith("otpauth://totp/Holdall:")
    assert f"secret={data['secret']}" in data["otpauthUri"]
    svg = ET.fromstring(data["qrSvg"])  # noqa: S314  # our own XML
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert "script" not in data["qrSvg"]


def test_setup_alone_requires_no_code(client: Client) -> None:
    client.post("/auth/2fa/setup").data()

    assert can_sign_in_with_password_only(client)


def test_user_sees_whether_the_second_factor_is_enabled_and_since_when(
    client: Client, fake_aws: FakeAws, frozen_clock: FrozenClock
) -> None:
    def seen() -> tuple[bool, str | None]:
        user = client.get("/auth/me").data()
        return user["mfaEnabled"], user["mfaEnabledAt"]

    client.post("/auth/2fa/setup").data()
    assert seen() == (False, None)  # it counts when its first code was entered
    enable_mfa(client)
    enabled_at = clock.now().isoformat().replace("+00:00", "Z")
    frozen_clock.advance(minutes=1)
    assert seen() == (True, enabled_at)

    key = {"pk": f"USER#{client.user['id']}", "sk": "TOTP"}
    fake_aws.dynamodb.Table("credentials").update_item(Key=key, UpdateExpression="REMOVE enabled_at")  # an older row
    assert seen() == (True, None)
    assert client.post("/auth/2fa/disable").status == 204
    assert seen() == (False, None)


def test_wrong_code_enables_nothing(client: Client) -> None:
    seed = client.post("/auth/2fa/setup").data()["secret"]
    response = client.post("/auth/2fa/enable", {"code": compute_totp_code(seed, 1000)})

    assert (response.status, response.problem()["code"]) == (401, "wrong_code")
    assert can_sign_in_with_password_only(client)
    assert client.post("/auth/2fa/enable", {"code": compute_totp_code(seed)}).status == 200


def test_code_of_an_earlier_setup_enables_nothing(client: Client) -> None:
    first = client.post("/auth/2fa/setup").data()["secret"]
    client.post("/auth/2fa/setup").data()

    assert client.post("/auth/2fa/enable", {"code": compute_totp_code(first)}).problem()["code"] == "wrong_code"


def test_seed_and_recovery_codes_are_shown_once_and_stored_unreadably(owner: MfaUser, fake_aws: FakeAws) -> None:
    rows = str(fake_aws.find_rows("credentials")) + str(fake_aws.find_rows("main")) + str(fake_aws.find_rows("audit"))

    assert len(set(owner.recovery_codes)) == 10
    for canary in (owner.totp_secret, *owner.recovery_codes, *(code.replace("-", "") for code in owner.recovery_codes)):
        assert canary not in rows
    assert owner.client.get("/auth/me").data().keys().isdisjoint({"recoveryCodes", "secret"})


@pytest.mark.parametrize("path", ["/auth/2fa/setup", "/auth/2fa/enable"])
def test_enabled_factor_cannot_be_set_up_again(owner: MfaUser, path: str) -> None:
    body = {"code": owner.totp_code()} if path.endswith("enable") else None

    assert owner.client.post(path, body).problem()["code"] == "wrong_state"
    assert owner.complete_login(code=owner.totp_code()).status == 200  # the seed has not changed


@pytest.mark.parametrize("path", ["/auth/2fa/enable", "/auth/2fa/disable", "/auth/2fa/recovery-codes"])
def test_factor_that_was_not_set_up_cannot_be_changed(client: Client, path: str) -> None:
    body = {"code": "123456"} if path.endswith("enable") else None

    response = client.post(path, body)
    assert (response.status, response.problem()["code"]) == (409, "wrong_state")


def test_login_requires_the_second_factor_and_returns_nothing_else(owner: MfaUser) -> None:
    response = Client().request(
        "POST",
        "/auth/login",
        {"email": owner.email, "password": users.PASSWORD, "mode": "cookie"},
        headers={"origin": ORIGIN},
    )

    assert response.data() == {
        "mfaRequired": True,
        "mfaToken": response.data()["mfaToken"],
        "methods": ["totp", "recovery_code"],
    }
    assert "set-cookie" not in response.headers


def test_wrong_password_does_not_reveal_the_second_factor(owner: MfaUser, stranger: Client) -> None:
    responses = [
        Client().post("/auth/login", {"email": email, "password": "not the password"})
        for email in (owner.email, stranger.user["email"], users.unique_email())
    ]

    assert responses[0].problem() == responses[1].problem() == responses[2].problem()


def test_code_completes_a_login(owner: MfaUser) -> None:
    data = owner.complete_login(code=owner.totp_code()).data()

    assert Client(data["accessToken"]).get("/auth/me").data()["email"] == owner.email
    assert Client().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).status == 200


def test_recovery_code_completes_a_login_in_every_spelling(owner: MfaUser) -> None:
    assert owner.complete_login(recoveryCode=owner.recovery_codes[0]).status == 200
    assert owner.complete_login(recoveryCode=owner.recovery_codes[1].upper().replace("-", " ")).status == 200


@pytest.mark.parametrize("kind", ["code", "recoveryCode"])
def test_login_with_a_code_can_set_a_cookie(owner: MfaUser, kind: str) -> None:
    codes = {"code": owner.totp_code(), "recoveryCode": owner.recovery_codes[0]}
    response = owner.complete_login(mode="cookie", **{kind: codes[kind]})

    assert set(response.data()) == {"csrfToken", "user"}


def test_exactly_one_code_is_required(owner: MfaUser) -> None:
    both = {"code": owner.totp_code(), "recoveryCode": owner.recovery_codes[0]}

    assert owner.complete_login(**both).status == 422
    assert owner.complete_login().status == 422


@pytest.mark.parametrize("change", ["enable", "disable", "regenerate"])
def test_change_ends_the_other_sessions_and_notifies_the_owner(
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
        path = {"disable": "/auth/2fa/disable", "regenerate": "/auth/2fa/recovery-codes"}[change]
        assert client.post(path).status < 300

    assert other.get("/auth/me").status == 401
    assert Client().post("/auth/refresh", {"refreshToken": other.refresh_token}).status == 401
    assert client.get("/auth/me").status == 200
    (notice,) = mailbox.receive_changes(fake_aws, client.user["email"])
    words = {"enable": "enabled", "disable": "disabled", "regenerate": "recovery codes"}
    assert words[change] in notice
    assert "You were signed out everywhere else." in notice
    actions = {"enable": "enable_mfa", "disable": "disable_mfa", "regenerate": "regenerate_recovery_codes"}
    assert len(fake_aws.find_rows("audit", action=f"accounts.{actions[change]}", actor=client.user["id"])) == 1


def test_disabled_factor_is_not_required_and_leaves_nothing(owner: MfaUser, fake_aws: FakeAws) -> None:
    token = owner.request_mfa_token()
    assert owner.client.post("/auth/2fa/disable").status == 204

    assert can_sign_in_with_password_only(owner.client)
    kinds = {row["record_type"] for row in fake_aws.find_rows("credentials", pk=f"USER#{owner.client.user['id']}")}
    assert kinds == {"password"}
    assert owner.complete_login(token, code=owner.totp_code()).status == 401
    assert owner.complete_login(token, recoveryCode=owner.recovery_codes[0]).status == 401


def test_new_recovery_codes_revoke_the_old_ones(owner: MfaUser) -> None:
    new_codes = owner.client.post("/auth/2fa/recovery-codes").data()["recoveryCodes"]

    assert owner.complete_login(recoveryCode=owner.recovery_codes[0]).problem()["code"] == "wrong_code"
    assert owner.complete_login(recoveryCode=new_codes[0]).status == 200


@pytest.mark.parametrize("path", ["setup", "enable", "disable", "recovery-codes"])
def test_change_requires_a_recent_session(owner: MfaUser, frozen_clock: FrozenClock, path: str) -> None:
    frozen_clock.advance(minutes=11)
    response = owner.client.post(f"/auth/2fa/{path}", {"code": owner.totp_code()} if path == "enable" else None)

    assert (response.status, response.problem()["code"]) == (403, "fresh_session_required")


def test_change_does_not_make_a_session_recent(owner: MfaUser, frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(minutes=8)
    owner.client.post("/auth/2fa/recovery-codes").data()
    frozen_clock.advance(minutes=3)

    assert owner.client.post("/auth/2fa/recovery-codes").problem()["code"] == "fresh_session_required"


def test_password_change_keeps_the_second_factor(owner: MfaUser) -> None:
    body = {"currentPassword": users.PASSWORD, "newPassword": "another long password"}
    assert owner.client.post("/auth/change-password", body).status == 204

    response = Client().post("/auth/login", {"email": owner.email, "password": body["newPassword"]})
    assert response.data()["mfaRequired"] is True


def test_password_reset_keeps_the_second_factor(owner: MfaUser, fake_aws: FakeAws) -> None:
    fake_aws.receive_messages("mail")
    Client().post("/auth/forgot-password", {"email": owner.email}).data()
    (token,) = mailbox.receive_tokens(fake_aws, owner.email, "password-reset")
    body = {"token": token, "password": "another long password"}
    assert Client().post("/auth/reset-password", body).status == 204

    response = Client().post("/auth/login", {"email": owner.email, "password": body["password"]})
    assert response.data()["mfaRequired"] is True


def test_login_that_started_before_a_password_change_cannot_be_completed(owner: MfaUser) -> None:
    token = owner.request_mfa_token()
    body = {"currentPassword": users.PASSWORD, "newPassword": "another long password"}
    assert owner.client.post("/auth/change-password", body).status == 204

    assert owner.complete_login(token, code=owner.totp_code()).problem()["code"] == "invalid_token"
