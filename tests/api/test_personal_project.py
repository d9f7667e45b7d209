"""The personal project: made with its account, in one transaction, and found without being named."""

import pytest

from holdall.platform import ids
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.factories import make_upload_request


def test_every_account_has_a_project_whose_id_is_the_end_of_its_own(client: Client) -> None:
    (project,) = client.get("/projects").data()

    assert project["id"] == client.user["id"][-12:]
    assert (project["name"], project["personal"], project["status"]) == ("Personal", True, "active")
    assert project["settings"]["visibility"] == "private"


def test_routes_fall_back_to_it(client: Client) -> None:
    begun = client.post("/files/init-upload", make_upload_request(b"x", contentType="text/plain")).created()

    assert begun["uploadId"].startswith(users.personal_project_id(client))
    assert client.get("/files").data() == []


def test_it_is_nobody_elses(client: Client, stranger: Client) -> None:
    assert stranger.get(f"/projects/{users.personal_project_id(client)}").status == 404


def test_an_account_is_made_whole_or_not_at_all(
    anonymous: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The id of the new user ends like that of another, so its personal project is there already.
    first = users.sign_up()
    taken = "0" * 14 + first["id"][-12:]
    email = users.unique_email()
    with monkeypatch.context() as patch:
        made = iter(
            [f"{89:026}", taken, *[f"{number:026}" for number in range(90, 99)]]
        )  # the first names the transaction
        patch.setattr(ids, "new_id", made.__next__)
        patch.setattr("holdall.platform.observability.start_context", lambda request_id: None)
        answer = anonymous.post(
            "/auth/sign-up", {"email": email, "password": users.PASSWORD}, headers={"x-request-id": "x"}
        )

    assert (answer.status, answer.json()["code"]) == (409, "project_exists")
    assert fake_aws.find_rows("main", pk=f"USER#{taken}") == []
    assert fake_aws.find_rows("main", pk=f"UNIQUE#EMAIL#{email}") == []
    assert fake_aws.find_rows("credentials", pk=f"USER#{taken}") == []
    assert fake_aws.find_rows("audit", actor=taken) == []
    assert users.sign_up(email)["email"] == email
