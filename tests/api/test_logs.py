"""Logs: lines that user data cannot forge, one for each request, and no secret in any (P5)."""

import re

import pytest

from tests.api import members, people
from tests.api.client import BASE_PATH, Client
from tests.api.cloud import Cloud, announce
from tests.api.log import Log
from tests.house.routes import routes

LINE = re.compile(r"(auth|projects|upload|files) \| [A-Z]+ (/api/v1/[^ ]*|-) \| [^|]+ \| res=\d{3}")


def test_a_request_is_one_line_with_its_template(log: Log, cloud: Cloud) -> None:
    client = people.signed_in()
    project = people.personal_project(client)
    client.get("/auth/me")
    client.get(f"/projects/{project}")
    client.get(f"/files/{project}-{'0' * 26}")
    client.get("/nothing/at/all")

    user = client.user["id"]
    assert log.requests == [
        "auth | POST /api/v1/auth/sign-up | - | res=201",
        "auth | POST /api/v1/auth/login | - | res=200",
        f"auth | GET /api/v1/auth/me | user={user} | res=200",
        f"projects | GET /api/v1/projects/{{projectId}} | user={user} project={project} | res=200",
        f"files | GET /api/v1/files/{{fileId}} | user={user} project={project} | res=404",
        "files | GET - | - | res=404",
    ]
    assert all(LINE.fullmatch(line) for line in log.requests)


def test_a_line_carries_the_id_of_its_request(log: Log, visitor: Client) -> None:
    visitor.get("/health", headers={"x-request-id": "mine"})

    assert log.lines[-1]["request_id"] == "mine"


@pytest.mark.parametrize("evil", ["a\nb", '", "level": "CRITICAL", "x": "', "\r\n{}", "\u2028", "\x1b[31m"])
def test_what_a_client_says_makes_no_line_of_its_own(client: Client, log: Log, evil: str) -> None:
    client.get(f"/files?prefix={evil.encode().hex()}", headers={"user-agent": evil, "x-request-id": evil})
    client.post("/projects", {"name": evil, evil: evil})
    client.request("GET", "/files/" + evil.replace("\n", "%0A").replace("\r", "%0D"))

    assert len(log.requests) == 3
    assert all(LINE.fullmatch(line) for line in log.requests)
    assert {line["level"] for line in log.lines} == {"INFO"}


def test_no_secret_is_written(log: Log, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    client = people.signed_in()
    key = "canary-of-an-idempotency-key"
    settings = {"variants": [{"name": "thumb", "width": 5}]}
    project = client.post("/projects", {"name": "x", "settings": settings}, headers={"idempotency-key": key}).created()
    begun = client.post("/files/init-upload", announce(b"canary of content", projectId=project["id"])).created()
    cloud.put(begun, b"canary of content")
    client.post("/files/commit", {"uploadId": begun["uploadId"]}).data()
    cloud.work()
    text = cloud.upload(client, b"canary of content", contentType="text/plain")
    url = client.get(f"/files/{text['fileId']}/content").headers["location"]
    rotated = Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).data()
    refusals(client)
    with monkeypatch.context() as patch:
        patch.setattr("holdall.accounts.passwords.matches", broken)
        assert Client().post("/auth/login", {"email": "a@example.test", "password": people.PASSWORD}).status == 500

    secrets = {
        "password": people.PASSWORD,
        "access token": str(client.token).rpartition(".")[2],
        "refresh token": client.refresh_token.rpartition("_")[2],
        "next refresh token": rotated["refreshToken"].rpartition("_")[2],
        "signature of a put": begun["url"].rpartition("Signature=")[2],
        "signature of a get": url.rpartition("Signature=")[2],
        "idempotency key": key,
        "content": "canary of content",
        "address": client.user["email"],
    }
    written = log.text
    assert "unhandled" in written
    assert {name for name, secret in secrets.items() if secret in written} == set()


def test_no_route_writes_the_secret_of_a_key_or_an_invitation(log: Log, cloud: Cloud, client: Client) -> None:
    """Shown as what it is, and put where it does not belong: in paths, queries, bodies, headers and cookies."""
    room, invitee = members.shared(client), people.signed_in()
    key = members.program(client, room)
    token = members.invited(client, room, cloud, invitee.user["email"])
    for route in routes():
        path = route.path.removeprefix(BASE_PATH).replace("{projectId}", room)
        body = {
            field: token
            for each in route.made.dependant.body_params
            for field in each.field_info.annotation.model_fields
        }
        key.request(route.method, re.sub("{[a-zA-Z]+}", "0" * 26, path), body or None)
        for canary in (key.key, token):
            inside = re.sub("{[a-zA-Z]+}", canary, path)
            Client(canary).request(route.method, f"{inside}?token={canary}&x-api-key={canary}", {canary: canary})
            Client().request(route.method, f"{inside}/{canary}", headers={"cookie": f"__Host-session={canary}"})
        wrong = {"x-api-key": f"{key.key}0", "x-csrf-token": key.key, "idempotency-key": token, "origin": key.key}
        Client().request(route.method, path, headers=wrong)
    assert members.accept(invitee, token).status == 200
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holdall.keys.service.admit", broken)
        assert key.get("/files").status == 500

    written = log.text
    assert "unhandled" in written
    assert f"key={key.id} project={room}" in written  # a key is named by its id
    assert key.secret not in written
    assert token.rpartition("_")[2] not in written
    assert {line for line in log.requests if not LINE.fullmatch(line)} == set()


def broken(*_: object) -> bool:
    raise RuntimeError("broken")


def refusals(client: Client) -> None:
    """Requests that fail with a secret in them, wherever one may stand."""
    token = str(client.token)
    visitor = Client()
    visitor.post("/auth/login", {"email": client.user["email"], "password": people.PASSWORD + "x"})
    visitor.post("/auth/login", {"email": client.user["email"], "password": [people.PASSWORD]})
    visitor.post("/auth/sign-up", {"email": client.user["email"], "password": people.PASSWORD})
    visitor.post("/auth/sign-up", {"email": people.PASSWORD, "password": people.PASSWORD, people.PASSWORD: 1})
    visitor.post("/auth/login", raw=f'{{"password": "{people.PASSWORD}"'.encode())
    visitor.post("/auth/refresh", {"refreshToken": token[:128]})
    visitor.get(f"/auth/me/{token}")
    visitor.get(f"/files/{token}")
    client.get(f"/files?cursor={token}&token={client.refresh_token}")
    Client(client.refresh_token).get("/auth/me")


def test_a_mistake_of_ours_is_told_with_its_trace(log: Log, visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdall.accounts.passwords.matches", broken)
    answer = visitor.post("/auth/login", {"email": "a@example.test", "password": people.PASSWORD})

    told = [line for line in log.lines if line["message"] == "unhandled"]
    assert len(told) == 1
    assert "RuntimeError: broken" in told[0]["exception"]
    assert told[0]["request_id"] == answer.headers["x-request-id"]
    assert '"UnhandledError":[1.0]' in log.text
