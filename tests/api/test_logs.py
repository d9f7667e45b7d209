"""Logs: lines that user data cannot forge, one for each request, and no secret in any (P5)."""

import re

import pytest

from tests.support import projects, users
from tests.support.aws import FakeAws, make_upload_request
from tests.support.client import BASE_PATH, Client
from tests.support.log import CapturedLog
from tests.support.routes import list_routes

REQUEST_LINE = re.compile(r"(auth|projects|upload|files) \| [A-Z]+ (/api/v1/[^ ]*|-) \| [^|]+ \| res=\d{3}")


def test_a_request_is_one_line_with_its_template(log: CapturedLog, fake_aws: FakeAws) -> None:
    client = users.create_client()
    project = users.personal_project_id(client)
    client.get("/auth/me")
    client.get(f"/projects/{project}")
    client.get(f"/files/{project}-{'0' * 26}")
    client.get("/nothing/at/all")

    user = client.user["id"]
    assert log.request_lines == [
        "auth | POST /api/v1/auth/sign-up | - | res=201",
        "auth | POST /api/v1/auth/login | - | res=200",
        f"auth | GET /api/v1/auth/me | user={user} | res=200",
        f"projects | GET /api/v1/projects/{{projectId}} | user={user} project={project} | res=200",
        f"files | GET /api/v1/files/{{fileId}} | user={user} project={project} | res=404",
        "files | GET - | - | res=404",
    ]
    assert all(REQUEST_LINE.fullmatch(line) for line in log.request_lines)


def test_a_line_carries_the_id_of_its_request(log: CapturedLog, anonymous: Client) -> None:
    anonymous.get("/health", headers={"x-request-id": "mine"})

    assert log.lines[-1]["request_id"] == "mine"


@pytest.mark.parametrize("evil", ["a\nb", '", "level": "CRITICAL", "x": "', "\r\n{}", "\u2028", "\x1b[31m"])
def test_what_a_client_says_makes_no_line_of_its_own(client: Client, log: CapturedLog, evil: str) -> None:
    client.get(f"/files?prefix={evil.encode().hex()}", headers={"user-agent": evil, "x-request-id": evil})
    client.post("/projects", {"name": evil, evil: evil})
    client.request("GET", "/files/" + evil.replace("\n", "%0A").replace("\r", "%0D"))

    assert len(log.request_lines) == 3
    assert all(REQUEST_LINE.fullmatch(line) for line in log.request_lines)
    assert {line["level"] for line in log.lines} == {"INFO"}


def test_no_secret_is_written(log: CapturedLog, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    client = users.create_client()
    key = "canary-of-an-idempotency-key"
    settings = {"variants": [{"name": "thumb", "width": 5}]}
    project = client.post("/projects", {"name": "x", "settings": settings}, headers={"idempotency-key": key}).created()
    begun = client.post(
        "/files/init-upload", make_upload_request(b"canary of content", projectId=project["id"])
    ).created()
    fake_aws.put_object(begun, b"canary of content")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    fake_aws.run_workers()
    text = fake_aws.upload(client, b"canary of content", contentType="text/plain")
    url = client.get(f"/files/{text['fileId']}/content").headers["location"]
    rotated = Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).data()
    send_rejected_requests(client)
    with monkeypatch.context() as patch:
        patch.setattr("holdall.accounts.passwords.verify", raise_error)
        assert Client().post("/auth/login", {"email": "a@example.test", "password": users.PASSWORD}).status == 500

    secrets = {
        "password": users.PASSWORD,
        "access token": str(client.access_token).rpartition(".")[2],
        "refresh token": client.refresh_token.rpartition("_")[2],
        "next refresh token": rotated["refreshToken"].rpartition("_")[2],
        "signature of a put": begun["url"].rpartition("Signature=")[2],
        "signature of a get": url.rpartition("Signature=")[2],
        "idempotency key": key,
        "content": "canary of content",
        "address": client.user["email"],
    }
    written = log.text
    assert "unhandled_error" in written
    assert {name for name, secret in secrets.items() if secret in written} == set()


def test_no_route_writes_the_secret_of_a_key_or_an_invitation(
    log: CapturedLog, fake_aws: FakeAws, client: Client
) -> None:
    """Shown as what it is, and put where it does not belong: in paths, queries, bodies, headers and cookies."""
    shared_project, invitee = projects.create_shared_project(client), users.create_client()
    key = projects.create_api_key_client(client, shared_project)
    token = projects.create_invitation_token(client, shared_project, fake_aws, invitee.user["email"])
    for route in list_routes():
        path = route.path.removeprefix(BASE_PATH).replace("{projectId}", shared_project)
        body = {
            field: token
            for each in route.powertools_route.dependant.body_params
            for field in each.field_info.annotation.model_fields
        }
        key.request(route.method, re.sub("{[a-zA-Z]+}", "0" * 26, path), body or None)
        for canary in (key.api_key, token):
            inside = re.sub("{[a-zA-Z]+}", canary, path)
            Client(canary).request(route.method, f"{inside}?token={canary}&x-api-key={canary}", {canary: canary})
            Client().request(route.method, f"{inside}/{canary}", headers={"cookie": f"__Host-session={canary}"})
        wrong = {
            "x-api-key": f"{key.api_key}0",
            "x-csrf-token": key.api_key,
            "idempotency-key": token,
            "origin": key.api_key,
        }
        Client().request(route.method, path, headers=wrong)
    assert projects.accept_invitation(invitee, token).status == 200
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holdall.api_keys.service.authenticate", raise_error)
        assert key.get("/files").status == 500

    written = log.text
    assert "unhandled_error" in written
    assert f"key={key.key_id} project={shared_project}" in written  # a key is named by its id
    assert key.secret not in written
    assert token.rpartition("_")[2] not in written
    assert {line for line in log.request_lines if not REQUEST_LINE.fullmatch(line)} == set()


def raise_error(*_: object) -> bool:
    raise RuntimeError("broken")


def send_rejected_requests(client: Client) -> None:
    """Requests that fail with a secret in them, wherever one may stand."""
    token = str(client.access_token)
    anonymous = Client()
    anonymous.post("/auth/login", {"email": client.user["email"], "password": users.PASSWORD + "x"})
    anonymous.post("/auth/login", {"email": client.user["email"], "password": [users.PASSWORD]})
    anonymous.post("/auth/sign-up", {"email": client.user["email"], "password": users.PASSWORD})
    anonymous.post("/auth/sign-up", {"email": users.PASSWORD, "password": users.PASSWORD, users.PASSWORD: 1})
    anonymous.post("/auth/login", raw=f'{{"password": "{users.PASSWORD}"'.encode())
    anonymous.post("/auth/refresh", {"refreshToken": token[:128]})
    anonymous.get(f"/auth/me/{token}")
    anonymous.get(f"/files/{token}")
    client.get(f"/files?cursor={token}&token={client.refresh_token}")
    Client(client.refresh_token).get("/auth/me")


def test_a_mistake_of_ours_is_told_with_its_trace(
    log: CapturedLog, anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdall.accounts.passwords.verify", raise_error)
    answer = anonymous.post("/auth/login", {"email": "a@example.test", "password": users.PASSWORD})

    told = [line for line in log.lines if line["message"] == "unhandled_error"]
    assert len(told) == 1
    assert "RuntimeError: broken" in told[0]["exception"]
    assert told[0]["request_id"] == answer.headers["x-request-id"]
    assert '"UnhandledError":[1.0]' in log.text
