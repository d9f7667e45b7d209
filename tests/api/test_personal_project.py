"""The personal project: made with its account, in one transaction, and found without being named."""

import pytest

from holdall import ids
from tests.api import people
from tests.api.client import Client
from tests.api.cloud import Cloud, announce


def test_every_account_has_a_project_whose_id_is_the_end_of_its_own(client: Client) -> None:
    (project,) = client.get("/projects").data()

    assert project["id"] == client.user["id"][-12:]
    assert (project["name"], project["personal"], project["status"]) == ("Personal", True, "active")
    assert project["settings"]["visibility"] == "private"


def test_routes_fall_back_to_it(client: Client) -> None:
    begun = client.post("/files/init-upload", announce(b"x", contentType="text/plain")).created()

    assert begun["uploadId"].startswith(people.personal_project(client))
    assert client.get("/files").data() == []


def test_it_is_nobody_elses(client: Client, stranger: Client) -> None:
    assert stranger.get(f"/projects/{people.personal_project(client)}").status == 404


def test_an_account_is_made_whole_or_not_at_all(visitor: Client, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    # The id of the new user ends like that of another, so its personal project is there already.
    first = people.sign_up()
    taken = "0" * 14 + first["id"][-12:]
    email = people.new_address()
    with monkeypatch.context() as patch:
        made = iter(
            [f"{89:026}", taken, *[f"{number:026}" for number in range(90, 99)]]
        )  # the first names the transaction
        patch.setattr(ids, "new_id", made.__next__)
        patch.setattr("holdall.observe.begin", lambda request_id: None)
        answer = visitor.post(
            "/auth/sign-up", {"email": email, "password": people.PASSWORD}, headers={"x-request-id": "x"}
        )

    assert (answer.status, answer.json()["code"]) == (409, "project_exists")
    assert cloud.rows("main", pk=f"USER#{taken}") == []
    assert cloud.rows("main", pk=f"UNIQUE#email#{email}") == []
    assert cloud.rows("credentials", pk=f"USER#{taken}") == []
    assert cloud.rows("audit", actor=taken) == []
    assert people.sign_up(email)["email"] == email
