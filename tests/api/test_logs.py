"""Logs: one line for each request, which user data cannot forge, and no secrets (P5)."""

import re

import pytest

from holdall.platform.errors import InvariantViolation
from tests.support import projects, users
from tests.support.aws import FakeAws
from tests.support.client import BASE_PATH, Client
from tests.support.companion import Uppy
from tests.support.factories import make_upload_request
from tests.support.log import CapturedLog
from tests.support.routes import list_routes

REQUEST_LINE = re.compile(r"(auth|projects|upload|shares|files) \| [A-Z]+ (/api/v1/[^ ]*|-) \| [^|]+ \| res=\d{3}")


def test_request_is_one_line_with_the_template_of_its_route(log: CapturedLog, fake_aws: FakeAws) -> None:
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


def test_line_has_the_id_of_its_request(log: CapturedLog, anonymous: Client) -> None:
    anonymous.get("/health", headers={"x-request-id": "mine"})

    assert log.lines[-1]["request_id"] == "mine"


@pytest.mark.parametrize("text", ["a\nb", '", "level": "CRITICAL", "x": "', "\r\n{}", "\u2028", "\x1b[31m"])
def test_text_of_a_client_adds_no_line(client: Client, log: CapturedLog, text: str) -> None:
    client.get(f"/files?prefix={text.encode().hex()}", headers={"user-agent": text, "x-request-id": text})
    client.post("/projects", {"name": text, text: text})
    client.request("GET", "/files/" + text.replace("\n", "%0A").replace("\r", "%0D"))

    assert len(log.request_lines) == 3
    assert all(REQUEST_LINE.fullmatch(line) for line in log.request_lines)
    assert {line["level"] for line in log.lines} == {"INFO"}


def test_no_secret_is_logged(log: CapturedLog, fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    client = users.create_client()
    key = "canary-of-an-idempotency-key"
    settings = {"variants": [{"name": "thumb", "width": 5}]}
    project = client.post("/projects", {"name": "x", "settings": settings}, headers={"idempotency-key": key}).created()
    upload = client.post(
        "/files/init-upload", make_upload_request(b"canary of content", projectId=project["id"])
    ).created()
    fake_aws.put_object(upload, b"canary of content")
    client.post("/files/commit", {"uploadId": upload["uploadId"]}).data()
    fake_aws.run_workers()
    file = fake_aws.upload(client, b"canary of content", contentType="text/plain")
    url = client.get(f"/files/{file['fileId']}/content").headers["location"]
    refreshed = Client().post("/auth/refresh", {"refreshToken": client.refresh_token}).data()
    send_rejected_requests(client)
    with monkeypatch.context() as patch:
        patch.setattr("holdall.platform.passwords.verify", raise_error)
        assert Client().post("/auth/login", {"email": "a@example.test", "password": users.PASSWORD}).status == 500

    secrets = {
        "password": users.PASSWORD,
        "access token": str(client.access_token).rpartition(".")[2],
        "refresh token": client.refresh_token.rpartition("_")[2],
        "next refresh token": refreshed["refreshToken"].rpartition("_")[2],
        "signature of a put": upload["url"].rpartition("Signature=")[2],
        "signature of a get": url.rpartition("Signature=")[2],
        "idempotency key": key,
        "content": "canary of content",
        "email address": client.user["email"],
    }
    logged = log.text
    assert "unhandled_error" in logged
    assert {name for name, secret in secrets.items() if secret in logged} == set()


def test_no_route_logs_the_secret_of_an_api_key_or_an_invitation(
    log: CapturedLog, fake_aws: FakeAws, client: Client
) -> None:
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
            with_canary = re.sub("{[a-zA-Z]+}", canary, path)
            Client(canary).request(route.method, f"{with_canary}?token={canary}&x-api-key={canary}", {canary: canary})
            Client().request(route.method, f"{with_canary}/{canary}", headers={"cookie": f"__Host-session={canary}"})
        headers = {
            "x-api-key": f"{key.api_key}0",
            "x-csrf-token": key.api_key,
            "idempotency-key": token,
            "origin": key.api_key,
        }
        Client().request(route.method, path, headers=headers)
    assert projects.accept_invitation(invitee, token).status == 200
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holdall.api_keys.service.authenticate", raise_error)
        assert key.get("/files").status == 500

    logged = log.text
    assert "unhandled_error" in logged
    assert f"key={key.key_id} project={shared_project}" in logged  # the ID of a key is not secret
    assert key.secret not in logged
    assert token.rpartition("_")[2] not in logged
    assert {line for line in log.request_lines if not REQUEST_LINE.fullmatch(line)} == set()


def test_no_request_of_uppy_logs_its_token_or_a_signature(log: CapturedLog, fake_aws: FakeAws, client: Client) -> None:
    uppy = Uppy.create(client)
    secret = uppy.token.rpartition("_")[2]
    params = uppy.get_params().json()
    _, completed = uppy.upload_parts(fake_aws, b"x")
    part = uppy.create_multipart()
    url = uppy.sign_part(part, 1).json()["url"]
    other_paths = ("", "/s3/sts", "/s3/params", "/s3/multipart", f"/s3/multipart/{uppy.token}/1?key={uppy.token}")
    responses = [
        completed,
        uppy.sign_parts(part, 1, 101_000),
        uppy.list_parts(part),
        uppy.abort(part),
        uppy.sign_part(part, 1),
        *(uppy.request(method, path) for method in ("GET", "PUT") for path in other_paths),
        uppy.request("POST", "/s3/multipart", {"filename": uppy.token, uppy.token: 1}),
        Uppy(uppy.endpoint + "0").get_params(),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holdall.companion.service.tokens.authorize", raise_error)
        responses.append(uppy.get_params())

    assert [response.status for response in responses if response.status >= 500] == [500]
    assert "unhandled_error" in log.text
    assert f"user={client.user['id']} project={users.personal_project_id(client)}" in log.text
    canaries = (secret, params["fields"]["x-amz-signature"], url.rpartition("Signature=")[2])
    assert {canary for canary in canaries if canary in log.text} == set()
    assert {line for line in log.request_lines if not REQUEST_LINE.fullmatch(line)} == set()


def raise_error(*_: object) -> bool:
    raise RuntimeError("broken")


def send_rejected_requests(client: Client) -> None:
    """Send requests that fail, with a secret in every part of a request."""
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


@pytest.mark.parametrize("error", [RuntimeError("broken"), InvariantViolation("broken")])
def test_internal_error_is_logged_with_its_stack_trace(
    log: CapturedLog, anonymous: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> bool:
        raise error

    monkeypatch.setattr("holdall.platform.passwords.verify", fail)
    response = anonymous.post("/auth/login", {"email": "a@example.test", "password": users.PASSWORD})

    [line] = [line for line in log.lines if line["message"] == "unhandled_error"]
    assert response.status == 500
    assert line["level"] == "ERROR"
    assert f"{type(error).__name__}: broken" in line["exception"]
    assert line["request_id"] == response.headers["x-request-id"]
    assert '"UnhandledError":[1.0]' in log.text
