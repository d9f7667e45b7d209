"""Passwords: forgotten, reset and changed; what that ends, and whom it tells (A5, A7)."""

import pytest

from tests.api import faults, people, post
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud
from tests.api.conftest import Clock

ANOTHER = "another horse battery"


def forget(email: str) -> Answer:
    return Client().post("/auth/forgot-password", {"email": email})


def reset(token: str, password: str = ANOTHER) -> Answer:
    return Client().post("/auth/reset-password", {"token": token, "password": password})


def change(client: Client, new: str = ANOTHER, old: str = people.PASSWORD) -> Answer:
    return client.post("/auth/change-password", {"currentPassword": old, "newPassword": new})


def status_of(email: str, password: str) -> int:
    return Client().post("/auth/login", {"email": email, "password": password}).status


def test_a_forgotten_password_is_always_answered_alike(
    client: Client, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for email in (client.user["email"], people.new_address(), "nonsense", "", "\ufdfa" * 254):
        with faults.injected(monkeypatch) as seen:
            answer = forget(email)
        told.append((answer.status, answer.data(), seen.calls))

    assert all(each == told[0] for each in told)
    assert told[0][:2] == (202, {"status": "pending"})
    assert [letter["kind"] for letter in post.posted(cloud)] == ["reset", *["nobody"] * 4]


def test_the_letter_goes_to_the_stored_address(client: Client, cloud: Cloud) -> None:
    forget(f" {client.user['email'].upper()} ")

    assert post.one(cloud)["to"] == client.user["email"]


def test_a_reset_chooses_another_password_and_signs_nobody_in(client: Client, cloud: Cloud) -> None:
    forget(client.user["email"])
    answer = reset(post.token(cloud, "reset"))

    assert (answer.status, answer.text) == (204, "")
    assert "set-cookie" not in answer.headers
    assert status_of(client.user["email"], people.PASSWORD) == 401
    assert status_of(client.user["email"], ANOTHER) == 200


def test_a_reset_ends_all_sessions(client: Client, cloud: Cloud) -> None:
    other = people.log_in(client.user["email"])
    forget(client.user["email"])
    reset(post.token(cloud, "reset"))

    assert [each.get("/auth/me").status for each in (client, other)] == [401, 401]
    assert Client().post("/auth/refresh", {"refreshToken": other.refresh_token}).status == 401


def test_a_reset_leaves_the_second_factor_on(client: Client, cloud: Cloud) -> None:
    post.second_factor(client)
    post.posted(cloud)
    forget(client.user["email"])
    reset(post.token(cloud, "reset"))

    said = {"email": client.user["email"], "password": ANOTHER}
    assert Client().post("/auth/login", said).data()["mfaRequired"] is True


def test_a_reset_tells_the_owner(client: Client, cloud: Cloud) -> None:
    forget(client.user["email"])
    reset(post.token(cloud, "reset"))

    letter = post.one(cloud)
    assert (letter["kind"], letter["to"]) == ("changed", client.user["email"])


def test_a_reset_is_audited(client: Client, cloud: Cloud) -> None:
    forget(client.user["email"])
    reset(post.token(cloud, "reset"))

    (asked,) = cloud.rows("audit", action="accounts.forgot-password")
    (done,) = cloud.rows("audit", action="accounts.reset-password")
    assert (asked["actor"], done["actor"]) == ("anonymous", client.user["id"])


def test_a_link_counts_once(client: Client, cloud: Cloud) -> None:
    forget(client.user["email"])
    token = post.token(cloud, "reset")

    assert [reset(token).status, reset(token).status] == [204, 401]


def test_an_older_link_is_void(client: Client, cloud: Cloud) -> None:
    forget(client.user["email"])
    older = post.token(cloud, "reset")
    forget(client.user["email"])

    assert reset(older).problem()["code"] == "invalid_token"
    assert reset(post.token(cloud, "reset")).status == 204


@pytest.mark.parametrize(("minutes", "status"), [(59, 204), (61, 401)])
def test_a_link_ends_after_an_hour(client: Client, cloud: Cloud, frozen: Clock, minutes: int, status: int) -> None:
    forget(client.user["email"])
    frozen.forward(minutes=minutes)

    assert reset(post.token(cloud, "reset")).status == status


def test_a_link_is_bound_to_the_address_that_it_went_to(client: Client, cloud: Cloud) -> None:
    forget(client.user["email"])
    token = post.token(cloud, "reset")
    cloud.change(f"USER#{client.user['id']}", "USER", email="elsewhere@example.test")

    assert reset(token).problem()["code"] == "invalid_token"


def test_a_poor_password_uses_up_no_link(client: Client, cloud: Cloud) -> None:
    forget(client.user["email"])
    token = post.token(cloud, "reset")

    assert reset(token, "password").status == 422
    assert reset(token, client.user["email"]).problem()["code"] == "password_too_easy"
    assert reset(token).status == 204


def test_a_disabled_user_gets_no_link_and_cannot_use_one(client: Client, cloud: Cloud) -> None:
    forget(client.user["email"])
    token = post.token(cloud, "reset")
    cloud.change(f"USER#{client.user['id']}", "USER", status="disabled")

    assert reset(token).status == 401
    forget(client.user["email"])
    assert post.one(cloud)["kind"] == "nobody"


def test_a_changed_password_ends_the_other_sessions_and_not_this_one(client: Client, cloud: Cloud) -> None:
    other = people.log_in(client.user["email"])

    assert change(client).status == 204
    assert other.get("/auth/me").status == 401
    assert client.get("/auth/me").status == 200
    assert Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).status == 200
    assert status_of(client.user["email"], people.PASSWORD) == 401
    assert status_of(client.user["email"], ANOTHER) == 200


def test_a_changed_password_voids_the_links_and_tells_the_owner(client: Client, cloud: Cloud) -> None:
    forget(client.user["email"])
    token = post.token(cloud, "reset")
    change(client)

    assert post.one(cloud)["kind"] == "changed"
    assert reset(token).problem()["code"] == "invalid_token"


def test_a_password_is_changed_by_whoever_knows_it(client: Client, cloud: Cloud) -> None:
    refused = change(client, old="not the password")

    assert (refused.status, refused.problem()["code"]) == (401, "invalid_credentials")
    assert change(client, new="password").status == 422
    assert post.posted(cloud) == []
    assert client.get("/auth/me").status == 200
