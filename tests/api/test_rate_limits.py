"""Rate limits by network and by account. They are exact, and a stranger cannot lock an owner out (A4, P3)."""

import re

import pytest

from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.fixtures import OverrideSettings
from tests.support.passwords import count_hashes
from tests.support.projects import add_member, create_api_key_client, create_shared_project
from tests.support.settings import rate_limits
from tests.support.uploads import TEXT_FILE

# Not the address of the other requests of a test, such as sign-ups, which count too.
CLIENT_IP, OTHER_CLIENT_IP = "192.0.2.9", "198.51.100.1"


@pytest.fixture
def set_rate_limits(override_settings: OverrideSettings) -> OverrideSettings:
    """Set limits, as in `limited(login=[3, 900])`; the others are high."""

    def change(**limits: list[int]) -> None:
        override_settings(RATE_LIMITS=rate_limits(**limits))

    return change


@pytest.fixture(autouse=True)
def _start_of_rate_limit_window(frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(seconds=900 - frozen_clock.time.timestamp() % 900)


def sign_in(email: str, password: str = users.PASSWORD, source_ip: str = CLIENT_IP, **headers: str) -> Response:
    body = {"email": email, "password": password}
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().request("POST", "/auth/login", body, source=source_ip, headers=headers)


def test_sign_ins_of_a_network_are_limited(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[40, 60])

    assert [sign_in(email).status for _ in range(50)] == [200] * 40 + [429] * 10
    assert sign_in(email, source_ip=OTHER_CLIENT_IP).status == 200


def test_limit_resets_with_the_next_window(set_rate_limits: OverrideSettings, frozen_clock: FrozenClock) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[1, 60])
    assert [sign_in(email).status for _ in range(2)] == [200, 429]
    frozen_clock.advance(seconds=60)

    assert sign_in(email).status == 200


def test_headers_contain_the_remaining_requests(set_rate_limits: OverrideSettings, frozen_clock: FrozenClock) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[3, 60])
    frozen_clock.advance(seconds=20)
    headers = [sign_in(email).headers for _ in range(3)]

    assert [each["ratelimit"] for each in headers] == [f'"sign-in";r={left};t=40' for left in (2, 1, 0)]
    assert {each["ratelimit-policy"] for each in headers} == {'"sign-in";q=3;w=60'}
    assert not any("retry-after" in each for each in headers)


def test_request_over_the_limit_is_a_429_with_headers(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[1, 60])
    sign_in(email)
    rejected = sign_in(email)

    assert (rejected.status, rejected.problem()["code"]) == (429, "too_many_requests")
    assert re.fullmatch('"sign-in";r=0;t=60', rejected.headers["ratelimit"])
    assert rejected.headers["retry-after"] == "60"
    assert rejected.headers["ratelimit-policy"] == '"sign-in";q=1;w=60'


def test_invalid_request_is_counted(set_rate_limits: OverrideSettings) -> None:
    set_rate_limits(sign_in=[2, 60])
    assert [Client().post("/auth/login", {"nonsense": 1}).status for _ in range(3)] == [422, 422, 429]


def test_ipv6_network_is_one_subject(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[2, 60])
    statuses = [sign_in(email, source_ip=f"2001:db8:1:2::{number}").status for number in (1, 2, 3)]

    assert statuses == [200, 200, 429]
    assert sign_in(email, source_ip="2001:db8:1:3::1").status == 200


def test_networks_of_an_ipv6_site_have_a_limit_together(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[2, 60], login=[1, 900])

    # Wrong passwords for one account, each from another /64 of a /48.
    attempts = [sign_in(email, "wrong password", f"2001:db8:1:{number:x}::1").status for number in range(20)]
    assert attempts == [401] * 16 + [429] * 4
    assert sign_in(email, source_ip="2001:db8:2::1").status == 200

    # A login that succeeds does not count against the account, but it does against the site.
    statuses = [sign_in(email, source_ip=f"2001:db8:3:{number:x}::1").status for number in range(34)]
    assert statuses == [200] * 32 + [429] * 2


def test_subject_is_the_viewer_and_cannot_be_forged(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[1, 60])
    forged = [
        sign_in(email, x_holdall_viewer=f"203.0.113.{number}", x_holdall_origin_verify="wrong").status
        for number in (1, 2)
    ]
    header = {"x_holdall_origin_verify": "edge-secret-of-tests"}
    real = [sign_in(email, x_holdall_viewer=f"203.0.113.{number}", **header).status for number in (1, 2)]

    assert forged == [200, 429]
    assert real == [200, 200]


def test_failed_logins_block_an_account_for_their_network_only(set_rate_limits: OverrideSettings) -> None:
    user, other = users.sign_up(), users.sign_up()
    set_rate_limits(login=[3, 900])
    assert [sign_in(user["email"], "wrong").status for _ in range(4)] == [401, 401, 401, 429]
    assert sign_in(user["email"]).status == 429
    assert sign_in(user["email"].upper()).status == 429
    assert sign_in(user["email"], source_ip=OTHER_CLIENT_IP).status == 200
    assert sign_in(other["email"]).status == 200


def test_unknown_address_is_limited_in_the_same_way(set_rate_limits: OverrideSettings) -> None:
    set_rate_limits(login=[2, 900])
    email = users.unique_email()
    assert [sign_in(email).status for _ in range(3)] == [401, 401, 429]


def test_successful_login_is_refunded(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(login=[2, 900])

    assert [sign_in(email).status for _ in range(5)] == [200] * 5
    assert [sign_in(email, "wrong").status for _ in range(3)] == [401, 401, 429]


def test_attempt_is_counted_before_the_password_is_hashed(
    set_rate_limits: OverrideSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(login=[3, 900])
    with count_hashes(monkeypatch) as hashes:
        for _ in range(20):
            sign_in(email, "wrong")

    assert hashes == ["verify"] * 3


def test_each_failed_login_is_audited(set_rate_limits: OverrideSettings, fake_aws: FakeAws) -> None:
    user = users.sign_up()
    set_rate_limits(login=[10, 900])
    for _ in range(50):
        sign_in(user["email"], "wrong")

    assert len(fake_aws.find_rows("audit", action="sessions.create", target=user["id"], outcome="denied")) == 50
    assert sign_in(user["email"]).status == 429


def test_refreshes_are_limited_by_network(set_rate_limits: OverrideSettings, client: Client) -> None:
    set_rate_limits(refresh=[1, 60])
    token = client.refresh_token
    data = Client().post("/auth/refresh", {"refreshToken": token}).data()

    assert Client().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).status == 429


def test_creations_are_limited_by_account(set_rate_limits: OverrideSettings, client: Client, stranger: Client) -> None:
    set_rate_limits(create=[2, 60])
    assert [client.post("/projects", {"name": "x"}).status for _ in range(3)] == [201, 201, 429]
    assert stranger.post("/projects", {"name": "x"}).status == 201


def test_creations_of_an_account_are_limited_over_its_session_and_its_api_keys(
    set_rate_limits: OverrideSettings,
    client: Client,
    stranger: Client,
    fake_aws: FakeAws,
    frozen_clock: FrozenClock,
) -> None:
    shared_project = create_shared_project(client)
    keys = [create_api_key_client(client, shared_project) for _ in range(9)]
    add_member(client, shared_project, fake_aws, stranger, "editor")
    frozen_clock.advance(minutes=1)
    set_rate_limits(create=[10, 60])
    body = make_upload_request(b"x", **TEXT_FILE, projectId=shared_project)
    statuses = [each.post("/files/init-upload", body).status for _ in range(2) for each in (client, *keys)]

    assert statuses == [201] * 10 + [429] * 10
    assert stranger.post("/files/init-upload", body).status == 201


def test_access_of_a_superuser_over_the_limit_is_not_audited(
    set_rate_limits: OverrideSettings, client: Client, fake_aws: FakeAws
) -> None:
    shared_project, superuser = create_shared_project(client), users.create_superuser()
    set_rate_limits(create=[1, 60])
    path = f"/projects/{shared_project}/sync-variants?dryRun=true"

    assert [superuser.post(path).status for _ in range(3)] == [200, 429, 429]
    assert len(fake_aws.find_rows("audit", action="projects.access_as_superuser", target=shared_project)) == 1


def test_invitations_to_an_address_are_limited_for_all_inviters_together(
    set_rate_limits: OverrideSettings, client: Client, stranger: Client, fake_aws: FakeAws
) -> None:
    project_ids = {each.user["id"]: create_shared_project(each) for each in (client, stranger)}
    set_rate_limits(invite=[2, 900])
    mailbox.receive_emails(fake_aws)

    def invite(inviter: Client, email: str) -> int:
        path = f"/projects/{project_ids[inviter.user['id']]}/invitations"
        return inviter.post(path, {"email": email, "role": "viewer"}).status

    assert [invite(client, email) for email in ("a@example.test", "A@Example.Test", "a@example.test")] == [
        201,
        201,
        429,
    ]
    assert invite(stranger, "a@example.test") == 429
    assert invite(client, "b@example.test") == 201
    assert [each["to"] for each in mailbox.receive_emails(fake_aws)] == [
        "a@example.test",
        "A@example.test",
        "b@example.test",
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/change-password", {"currentPassword": "wrong", "newPassword": "another horse battery"}),
        ("POST", "/auth/change-email", {"email": "new@example.test", "password": "wrong"}),
        ("DELETE", "/users/me", {"password": "wrong"}),
    ],
)
def test_password_attempts_in_a_session_are_limited(
    set_rate_limits: OverrideSettings, client: Client, method: str, path: str, body: dict[str, str]
) -> None:
    set_rate_limits(password=[2, 900])

    assert [client.request(method, path, body).status for _ in range(3)] == [401, 401, 429]
