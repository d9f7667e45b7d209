"""API keys as credentials (Z2, Z5, S2). `test_authorization` tests which routes they may call."""

import pytest

from tests.support.aws import FakeAws
from tests.support.browser import Browser
from tests.support.client import Client
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.fixtures import OverrideSettings
from tests.support.projects import ApiKeyClient, create_api_key_client, create_shared_project
from tests.support.settings import rate_limits


def test_api_key_of_a_superuser_has_no_access_to_other_projects(
    client: Client, superuser: Client, shared_project: str, fake_aws: FakeAws
) -> None:
    key = create_api_key_client(superuser, create_shared_project(superuser))

    assert superuser.get(f"/projects/{shared_project}").status == 200
    assert key.get(f"/projects/{shared_project}").status == 404
    (entry,) = fake_aws.find_rows("audit", action="projects.access_as_superuser")
    assert entry["target"] == shared_project


def test_route_without_a_project_uses_that_of_the_api_key(
    client: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    key = create_api_key_client(client, shared_project)
    personal_file_id = fake_aws.upload(client, b"home", contentType="text/plain")["fileId"]
    committed = fake_aws.upload(key, b"x", contentType="text/plain")

    assert committed["fileId"].startswith(shared_project)
    assert [each["id"] for each in key.get("/files").data()] == [committed["fileId"]]
    assert key.get(f"/files/{personal_file_id}").status == 404


def test_actions_of_an_api_key_are_of_its_creator_and_audited_with_the_key(
    client: Client, superuser: Client, fake_aws: FakeAws, shared_project: str
) -> None:
    key = create_api_key_client(client, shared_project)
    committed = fake_aws.upload(key, b"x", contentType="text/plain")
    key.delete(f"/files/{committed['fileId']}").data()
    fake_aws.upload(client, b"y", contentType="text/plain", projectId=shared_project)

    assert committed["file"]["createdBy"] == client.user["id"]
    by_key = fake_aws.find_rows("audit", api_key_id=key.key_id)
    assert {row["action"] for row in by_key} == {"uploads.init", "uploads.commit", "files.trash"}
    assert {row["actor"] for row in by_key} == {client.user["id"]}
    assert len(fake_aws.find_rows("audit", action="uploads.init", actor=client.user["id"])) == 2
    (entry,) = superuser.get(f"/audit?target={committed['fileId']}").data()
    assert (entry["action"], entry["apiKeyId"], entry["actor"]) == ("files.trash", key.key_id, client.user["id"])


@pytest.mark.parametrize(
    "names",
    [
        ("key", "token"),
        ("key", "cookie"),
        ("token", "cookie"),
        ("key", "token", "cookie"),
        ("key", "other scheme"),
        ("empty key", "token"),
    ],
    ids=" and ".join,
)
def test_request_with_several_credentials_is_rejected(
    client: Client, fake_aws: FakeAws, shared_project: str, names: tuple[str, ...]
) -> None:
    key, browser = create_api_key_client(client, shared_project), Browser.sign_in(client.user["email"])
    credentials = {
        "key": ("x-api-key", key.api_key),
        "empty key": ("x-api-key", ""),
        "token": ("authorization", f"Bearer {client.access_token}"),
        "cookie": ("cookie", f"__Host-session={browser.session_cookie}"),
        "other scheme": ("authorization", "Basic abc"),
    }
    headers = dict(credentials[name] for name in names)
    before = fake_aws.find_rows("main", record_type="upload")
    for method, path, body in (("GET", "/files", None), ("POST", "/files/init-upload", make_upload_request(b"x"))):
        response = Client().request(method, path, body, headers=headers)
        assert (response.status, response.problem()["code"]) == (400, "ambiguous_credentials")
    assert fake_aws.find_rows("main", record_type="upload") == before


@pytest.mark.parametrize("name", ["x-api-key", "X-Api-Key", "apiKey", "api_key", "key", "token", "access_token"])
def test_api_key_in_the_query_is_not_accepted(client: Client, shared_project: str, name: str) -> None:
    key = create_api_key_client(client, shared_project)
    alone = Client().get(f"/files?{name}={key.api_key}")
    with_token = client.get(f"/files?{name}={key.api_key}")

    assert (alone.status, alone.problem()["code"]) == (401, "unauthenticated")
    assert (with_token.status, with_token.problem()["code"]) == (422, "unknown_parameter")
    assert key.secret not in alone.text + with_token.text


def test_api_key_is_not_a_token_and_a_token_is_not_an_api_key(client: Client, shared_project: str) -> None:
    key = create_api_key_client(client, shared_project)

    assert Client(key.api_key).get("/files").status == 401
    assert ApiKeyClient(api_key=str(client.access_token)).get("/files").status == 401
    assert Client().get("/files", headers={"cookie": f"__Host-session={key.api_key}"}).status == 401


@pytest.mark.parametrize("origin", [None, "https://evil.test", "null"])
def test_api_key_needs_no_csrf_token(client: Client, shared_project: str, origin: str | None) -> None:
    headers = {"origin": origin} if origin else {}
    key = create_api_key_client(client, shared_project)

    assert key.post("/files/init-upload", make_upload_request(b"x"), headers=headers).status == 201


def test_idempotency_keys_are_scoped_to_the_api_key(client: Client, shared_project: str) -> None:
    body, headers = make_upload_request(b"x", projectId=shared_project), {"idempotency-key": "same"}
    clients = [client, *(create_api_key_client(client, shared_project) for _ in range(2))]
    uploads = [each.post("/files/init-upload", body, headers=headers).created() for each in clients]
    replayed = clients[1].post("/files/init-upload", body, headers=headers).created()

    assert len({each["uploadId"] for each in uploads}) == 3
    assert replayed["uploadId"] == uploads[1]["uploadId"]


@pytest.fixture
def set_rate_limits(override_settings: OverrideSettings, frozen_clock: FrozenClock) -> OverrideSettings:
    """Set rate limits, as in `set_rate_limits(key=[3, 60])`, and stop the clock."""
    return lambda **limits: override_settings(RATE_LIMITS=rate_limits(**limits))


def test_each_api_key_has_its_own_rate_limit(
    client: Client, shared_project: str, set_rate_limits: OverrideSettings
) -> None:
    key, other = create_api_key_client(client, shared_project), create_api_key_client(client, shared_project)
    set_rate_limits(key=[3, 60])
    responses = [key.get("/files") for _ in range(5)]

    assert [each.status for each in responses] == [200, 200, 200, 429, 429]
    assert responses[0].headers["ratelimit-policy"] == '"key";q=3;w=60'
    assert responses[0].headers["ratelimit"].startswith('"key";r=2;t=')
    refused = responses[3]
    assert refused.problem()["code"] == "too_many_requests"
    assert refused.headers["ratelimit"].startswith('"key";r=0;t=')
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert client.get(f"/files?projectId={shared_project}").status == 200
    assert other.get("/files").status == 200


def test_refused_requests_count_but_those_with_a_wrong_secret_do_not(
    client: Client, shared_project: str, set_rate_limits: OverrideSettings
) -> None:
    key = create_api_key_client(client, shared_project)
    set_rate_limits(key=[2, 60])
    wrong = ApiKeyClient(api_key=f"hk_{key.key_id}_{'0' * 26}")

    assert [wrong.get("/files").status for _ in range(3)] == [401] * 3
    paths = ("/users/me", f"/files/{'0' * 12}-{'0' * 26}", "/files")
    assert [key.get(path).status for path in paths] == [403, 404, 429]
