"""The personal project, which is created with its account in one transaction."""

import pytest

from holdall.platform import ids
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.factories import make_upload_request


def test_personal_project_has_the_end_of_the_users_id(client: Client) -> None:
    (project,) = client.get("/projects").data()

    assert project["id"] == client.user["id"][-12:]
    assert (project["name"], project["personal"], project["status"]) == ("Personal", True, "active")
    assert project["settings"]["visibility"] == "private"


def test_routes_default_to_the_personal_project(client: Client) -> None:
    upload = client.post("/files/init-upload", make_upload_request(b"x", contentType="text/plain")).created()

    assert upload["uploadId"].startswith(users.personal_project_id(client))
    assert client.get("/files").data() == []


def test_personal_project_is_hidden_from_others(client: Client, stranger: Client) -> None:
    assert stranger.get(f"/projects/{users.personal_project_id(client)}").status == 404


def test_failed_sign_up_leaves_no_records(
    anonymous: Client, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The ID of the new user ends like that of another one, so its personal project exists already.
    first = users.sign_up()
    taken = "0" * 14 + first["id"][-12:]
    email = users.unique_email()
    with monkeypatch.context() as patch:
        new_ids = iter([f"{89:026}", taken, *[f"{number:026}" for number in range(90, 99)]])  # the first is a token
        patch.setattr(ids, "new_id", new_ids.__next__)
        patch.setattr("holdall.platform.observability.start_context", lambda request_id: None)
        response = anonymous.post(
            "/auth/sign-up", {"email": email, "password": users.PASSWORD}, headers={"x-request-id": "x"}
        )

    assert (response.status, response.json()["code"]) == (409, "project_exists")
    assert fake_aws.find_rows("main", pk=f"USER#{taken}") == []
    assert fake_aws.find_rows("main", pk=f"UNIQUE#EMAIL#{email}") == []
    assert fake_aws.find_rows("credentials", pk=f"USER#{taken}") == []
    assert fake_aws.find_rows("audit", actor=taken) == []
    assert users.sign_up(email)["email"] == email
