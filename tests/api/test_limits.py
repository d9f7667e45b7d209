"""Limits: so many and not one more, by network and by account, and an owner is never locked out by a stranger (A4, P3)."""

import json
import re

import pytest

from tests.api import people, post
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock, Installed
from tests.api.members import shared
from tests.api.test_accounts import counting

HIGH = [1_000_000, 60]
EVERY = ("sign-in", "login", "refresh", "create", "key", "challenge", "second-factor", "password", "invite")
# Not where people sign up and are signed in from by other hands, which counts as well.
HERE, ELSEWHERE = "192.0.2.9", "198.51.100.1"


@pytest.fixture
def limited(installed: Installed) -> Installed:
    """Set limits, as in `limited(login=[3, 900])`; the others are high."""

    def change(**limits: list[int]) -> None:
        said = {name.replace("_", "-"): limit for name, limit in limits.items()}
        installed(LIMITS=json.dumps({**dict.fromkeys(EVERY, HIGH), **said}))

    return change


@pytest.fixture(autouse=True)
def _in_the_middle_of_a_window(frozen: Clock) -> None:
    frozen.forward(seconds=900 - frozen._now.timestamp() % 900)


def log_in(email: str, password: str = people.PASSWORD, source: str = HERE, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().request("POST", "/auth/login", {"email": email, "password": password}, source=source, headers=told)


def test_a_network_may_sign_in_so_often_and_not_once_more(limited: Installed) -> None:
    email = people.sign_up()["email"]
    limited(sign_in=[40, 60])

    assert [log_in(email).status for _ in range(50)] == [200] * 40 + [429] * 10
    assert log_in(email, source=ELSEWHERE).status == 200


def test_a_window_ends(limited: Installed, frozen: Clock) -> None:
    email = people.sign_up()["email"]
    limited(sign_in=[1, 60])
    assert [log_in(email).status for _ in range(2)] == [200, 429]
    frozen.forward(seconds=60)

    assert log_in(email).status == 200


def test_what_is_left_is_told(limited: Installed, frozen: Clock) -> None:
    email = people.sign_up()["email"]
    limited(sign_in=[3, 60])
    frozen.forward(seconds=20)
    headers = [log_in(email).headers for _ in range(3)]

    assert [each["ratelimit"] for each in headers] == [f'"sign-in";r={left};t=40' for left in (2, 1, 0)]
    assert {each["ratelimit-policy"] for each in headers} == {'"sign-in";q=3;w=60'}
    assert not any("retry-after" in each for each in headers)


def test_too_many_is_the_one_shape_of_errors(limited: Installed) -> None:
    email = people.sign_up()["email"]
    limited(sign_in=[1, 60])
    log_in(email)
    refused = log_in(email)

    assert (refused.status, refused.problem()["code"]) == (429, "too_many_requests")
    assert re.fullmatch('"sign-in";r=0;t=60', refused.headers["ratelimit"])
    assert refused.headers["retry-after"] == "60"
    assert refused.headers["ratelimit-policy"] == '"sign-in";q=1;w=60'


def test_a_wrong_request_counts_as_well(limited: Installed) -> None:
    limited(sign_in=[2, 60])
    answers = [Client().post("/auth/login", {"nonsense": 1}).status for _ in range(3)]

    assert answers == [422, 422, 429]


def test_an_ipv6_network_is_one_subject(limited: Installed) -> None:
    email = people.sign_up()["email"]
    limited(sign_in=[2, 60])
    within = [log_in(email, source=f"2001:db8:1:2::{number}").status for number in (1, 2, 3)]

    assert within == [200, 200, 429]
    assert log_in(email, source="2001:db8:1:3::1").status == 200


def test_the_viewer_is_the_subject_and_nobody_chooses_one(limited: Installed) -> None:
    email = people.sign_up()["email"]
    limited(sign_in=[1, 60])
    forged = [log_in(email, x_holdall_viewer=f"203.0.113.{number}", x_holdall_edge="wrong").status for number in (1, 2)]
    through = {"x_holdall_edge": "edge-secret-of-tests"}
    real = [log_in(email, x_holdall_viewer=f"203.0.113.{number}", **through).status for number in (1, 2)]

    assert forged == [200, 429]
    assert real == [200, 200]


def test_wrong_logins_of_an_account_stop_further_ones_from_there_alone(limited: Installed) -> None:
    user, other = people.sign_up(), people.sign_up()
    limited(login=[3, 900])
    wrong = [log_in(user["email"], "wrong").status for _ in range(4)]

    assert wrong == [401, 401, 401, 429]
    assert log_in(user["email"]).status == 429
    assert log_in(user["email"].upper()).status == 429
    assert log_in(user["email"], source=ELSEWHERE).status == 200
    assert log_in(other["email"]).status == 200


def test_an_unknown_address_is_limited_alike(limited: Installed) -> None:
    limited(login=[2, 900])
    email = people.new_address()
    answers = [log_in(email) for _ in range(3)]

    assert [each.status for each in answers] == [401, 401, 429]


def test_a_login_that_succeeds_is_given_back(limited: Installed) -> None:
    email = people.sign_up()["email"]
    limited(login=[2, 900])

    assert [log_in(email).status for _ in range(5)] == [200] * 5
    assert [log_in(email, "wrong").status for _ in range(3)] == [401, 401, 429]


def test_an_attempt_is_counted_before_it_is_hashed(limited: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    email = people.sign_up()["email"]
    limited(login=[3, 900])
    with counting(monkeypatch) as made:
        for _ in range(20):
            log_in(email, "wrong")

    assert made == ["verify"] * 3


def test_fifty_wrong_logins_are_fifty_audit_rows(limited: Installed, cloud: Cloud) -> None:
    user = people.sign_up()
    limited(login=[10, 900])
    for _ in range(50):
        log_in(user["email"], "wrong")

    assert len(cloud.rows("audit", action="login.failed", target=user["id"], outcome="denied")) == 50
    assert log_in(user["email"]).status == 429


def test_a_refresh_is_limited_by_network(limited: Installed, client: Client) -> None:
    limited(refresh=[1, 60])
    token = client.refresh_token
    data = Client().post("/auth/refresh", {"refreshToken": token}).data()

    assert Client().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).status == 429


def test_creating_is_limited_by_account(limited: Installed, client: Client, stranger: Client) -> None:
    limited(create=[2, 60])
    answers = [client.post("/projects", {"name": "x"}).status for _ in range(3)]

    assert answers == [201, 201, 429]
    assert stranger.post("/projects", {"name": "x"}).status == 201


def test_a_visit_that_is_over_the_limit_was_none(limited: Installed, client: Client, cloud: Cloud) -> None:
    room, root = shared(client), people.superuser()
    limited(create=[1, 60])
    answers = [root.post(f"/projects/{room}/sync-variants?dryRun=true").status for _ in range(3)]

    assert answers == [200, 429, 429]
    assert len(cloud.rows("audit", action="projects.any", target=room)) == 1


def test_letters_to_one_address_are_limited_whoever_asks_for_them(
    limited: Installed, client: Client, stranger: Client, cloud: Cloud
) -> None:
    rooms = {each.user["id"]: shared(each) for each in (client, stranger)}
    limited(invite=[2, 900])
    post.posted(cloud)

    def ask(who: Client, email: str) -> int:
        room = rooms[who.user["id"]]
        return who.post(f"/projects/{room}/invitations", {"email": email, "role": "viewer"}).status

    assert [ask(client, email) for email in ("a@example.test", "A@Example.Test", "a@example.test")] == [201, 201, 429]
    assert ask(stranger, "a@example.test") == 429
    assert ask(client, "b@example.test") == 201
    assert [each["to"] for each in post.posted(cloud)] == ["a@example.test", "A@example.test", "b@example.test"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/change-password", {"currentPassword": "wrong", "newPassword": "another horse battery"}),
        ("POST", "/auth/change-email", {"email": "new@example.test", "password": "wrong"}),
        ("DELETE", "/users/me", {"password": "wrong"}),
    ],
)
def test_passwords_of_a_stolen_session_are_limited(
    limited: Installed, client: Client, method: str, path: str, body: dict[str, str]
) -> None:
    limited(password=[2, 900])

    assert [client.request(method, path, body).status for _ in range(3)] == [401, 401, 429]
