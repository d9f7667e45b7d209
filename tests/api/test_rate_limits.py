"""Limits: so many and not one more, by network and by account, and an owner is never locked out by a stranger (A4, P3)."""

import json
import re

import pytest

from tests.api.test_accounts import count_hashes
from tests.support import mailbox, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.projects import create_shared_project

HIGH_LIMIT = [1_000_000, 60]
LIMIT_NAMES = ("sign-in", "login", "refresh", "create", "key", "challenge", "second-factor", "password", "invite")
# Not where people sign up and are signed in from by other hands, which counts as well.
CLIENT_IP, OTHER_CLIENT_IP = "192.0.2.9", "198.51.100.1"


@pytest.fixture
def set_rate_limits(override_settings: OverrideSettings) -> OverrideSettings:
    """Set limits, as in `limited(login=[3, 900])`; the others are high."""

    def change(**limits: list[int]) -> None:
        said = {name.replace("_", "-"): limit for name, limit in limits.items()}
        override_settings(LIMITS=json.dumps({**dict.fromkeys(LIMIT_NAMES, HIGH_LIMIT), **said}))

    return change


@pytest.fixture(autouse=True)
def _middle_of_rate_limit_window(frozen_clock: FrozenClock) -> None:
    frozen_clock.advance(seconds=900 - frozen_clock.time.timestamp() % 900)


def sign_in(email: str, password: str = users.PASSWORD, source_ip: str = CLIENT_IP, **headers: str) -> Response:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().request(
        "POST", "/auth/login", {"email": email, "password": password}, source=source_ip, headers=told
    )


def test_a_network_may_sign_in_so_often_and_not_once_more(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[40, 60])

    assert [sign_in(email).status for _ in range(50)] == [200] * 40 + [429] * 10
    assert sign_in(email, source_ip=OTHER_CLIENT_IP).status == 200


def test_a_window_ends(set_rate_limits: OverrideSettings, frozen_clock: FrozenClock) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[1, 60])
    assert [sign_in(email).status for _ in range(2)] == [200, 429]
    frozen_clock.advance(seconds=60)

    assert sign_in(email).status == 200


def test_what_is_left_is_told(set_rate_limits: OverrideSettings, frozen_clock: FrozenClock) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[3, 60])
    frozen_clock.advance(seconds=20)
    headers = [sign_in(email).headers for _ in range(3)]

    assert [each["ratelimit"] for each in headers] == [f'"sign-in";r={left};t=40' for left in (2, 1, 0)]
    assert {each["ratelimit-policy"] for each in headers} == {'"sign-in";q=3;w=60'}
    assert not any("retry-after" in each for each in headers)


def test_too_many_is_the_one_shape_of_errors(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[1, 60])
    sign_in(email)
    refused = sign_in(email)

    assert (refused.status, refused.problem()["code"]) == (429, "too_many_requests")
    assert re.fullmatch('"sign-in";r=0;t=60', refused.headers["ratelimit"])
    assert refused.headers["retry-after"] == "60"
    assert refused.headers["ratelimit-policy"] == '"sign-in";q=1;w=60'


def test_a_wrong_request_counts_as_well(set_rate_limits: OverrideSettings) -> None:
    set_rate_limits(sign_in=[2, 60])
    answers = [Client().post("/auth/login", {"nonsense": 1}).status for _ in range(3)]

    assert answers == [422, 422, 429]


def test_an_ipv6_network_is_one_subject(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[2, 60])
    within = [sign_in(email, source_ip=f"2001:db8:1:2::{number}").status for number in (1, 2, 3)]

    assert within == [200, 200, 429]
    assert sign_in(email, source_ip="2001:db8:1:3::1").status == 200


def test_the_viewer_is_the_subject_and_nobody_chooses_one(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(sign_in=[1, 60])
    forged = [
        sign_in(email, x_holdall_viewer=f"203.0.113.{number}", x_holdall_origin_verify="wrong").status for number in (1, 2)
    ]
    through = {"x_holdall_origin_verify": "edge-secret-of-tests"}
    real = [sign_in(email, x_holdall_viewer=f"203.0.113.{number}", **through).status for number in (1, 2)]

    assert forged == [200, 429]
    assert real == [200, 200]


def test_wrong_logins_of_an_account_stop_further_ones_from_there_alone(set_rate_limits: OverrideSettings) -> None:
    user, other = users.sign_up(), users.sign_up()
    set_rate_limits(login=[3, 900])
    wrong = [sign_in(user["email"], "wrong").status for _ in range(4)]

    assert wrong == [401, 401, 401, 429]
    assert sign_in(user["email"]).status == 429
    assert sign_in(user["email"].upper()).status == 429
    assert sign_in(user["email"], source_ip=OTHER_CLIENT_IP).status == 200
    assert sign_in(other["email"]).status == 200


def test_an_unknown_address_is_limited_alike(set_rate_limits: OverrideSettings) -> None:
    set_rate_limits(login=[2, 900])
    email = users.unique_email()
    answers = [sign_in(email) for _ in range(3)]

    assert [each.status for each in answers] == [401, 401, 429]


def test_a_login_that_succeeds_is_given_back(set_rate_limits: OverrideSettings) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(login=[2, 900])

    assert [sign_in(email).status for _ in range(5)] == [200] * 5
    assert [sign_in(email, "wrong").status for _ in range(3)] == [401, 401, 429]


def test_an_attempt_is_counted_before_it_is_hashed(
    set_rate_limits: OverrideSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = users.sign_up()["email"]
    set_rate_limits(login=[3, 900])
    with count_hashes(monkeypatch) as made:
        for _ in range(20):
            sign_in(email, "wrong")

    assert made == ["verify"] * 3


def test_fifty_wrong_logins_are_fifty_audit_rows(set_rate_limits: OverrideSettings, fake_aws: FakeAws) -> None:
    user = users.sign_up()
    set_rate_limits(login=[10, 900])
    for _ in range(50):
        sign_in(user["email"], "wrong")

    assert len(fake_aws.find_rows("audit", action="login.failed", target=user["id"], outcome="denied")) == 50
    assert sign_in(user["email"]).status == 429


def test_a_refresh_is_limited_by_network(set_rate_limits: OverrideSettings, client: Client) -> None:
    set_rate_limits(refresh=[1, 60])
    token = client.refresh_token
    data = Client().post("/auth/refresh", {"refreshToken": token}).data()

    assert Client().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).status == 429


def test_creating_is_limited_by_account(set_rate_limits: OverrideSettings, client: Client, stranger: Client) -> None:
    set_rate_limits(create=[2, 60])
    answers = [client.post("/projects", {"name": "x"}).status for _ in range(3)]

    assert answers == [201, 201, 429]
    assert stranger.post("/projects", {"name": "x"}).status == 201


def test_a_visit_that_is_over_the_limit_was_none(
    set_rate_limits: OverrideSettings, client: Client, fake_aws: FakeAws
) -> None:
    shared_project, superuser = create_shared_project(client), users.create_superuser()
    set_rate_limits(create=[1, 60])
    answers = [superuser.post(f"/projects/{shared_project}/sync-variants?dryRun=true").status for _ in range(3)]

    assert answers == [200, 429, 429]
    assert len(fake_aws.find_rows("audit", action="projects.any", target=shared_project)) == 1


def test_letters_to_one_address_are_limited_whoever_asks_for_them(
    set_rate_limits: OverrideSettings, client: Client, stranger: Client, fake_aws: FakeAws
) -> None:
    rooms = {each.user["id"]: create_shared_project(each) for each in (client, stranger)}
    set_rate_limits(invite=[2, 900])
    mailbox.receive_emails(fake_aws)

    def ask(who: Client, email: str) -> int:
        shared_project = rooms[who.user["id"]]
        return who.post(f"/projects/{shared_project}/invitations", {"email": email, "role": "viewer"}).status

    assert [ask(client, email) for email in ("a@example.test", "A@Example.Test", "a@example.test")] == [201, 201, 429]
    assert ask(stranger, "a@example.test") == 429
    assert ask(client, "b@example.test") == 201
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
def test_passwords_of_a_stolen_session_are_limited(
    set_rate_limits: OverrideSettings, client: Client, method: str, path: str, body: dict[str, str]
) -> None:
    set_rate_limits(password=[2, 900])

    assert [client.request(method, path, body).status for _ in range(3)] == [401, 401, 429]
