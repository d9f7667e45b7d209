"""Endpoints for Uppy: who gets one, for how long, and what ends it (U8, S2)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from holdall.platform import clock
from tests.support import users
from tests.support.aws import FakeAws
from tests.support.browser import ORIGIN, Browser
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.companion import Uppy, UppyUpload, result
from tests.support.fixtures import OverrideSettings
from tests.support.projects import ApiKeyClient, add_member, create_api_key_client, create_member
from tests.support.settings import rate_limits

Refusal = tuple[int, str]
NOT_FOUND, FORBIDDEN = (404, "not_found"), (403, "forbidden")


def lifetime(response: Response) -> timedelta:
    return datetime.fromisoformat(response.created()["expiresAt"]) - clock.now()


def calls(uppy: Uppy, upload: UppyUpload) -> list[Response]:
    """Send each request of the contract."""
    return [
        uppy.get_params(),
        uppy.request("POST", "/s3/multipart", {"filename": "a.txt"}),
        uppy.sign_part(upload, 1),
        uppy.sign_parts(upload, 1),
        uppy.list_parts(upload),
        uppy.complete(upload, [{"PartNumber": 1, "ETag": "x"}]),
        uppy.abort(upload),
    ]


def test_an_endpoint_uploads_to_the_project_that_it_was_requested_for(
    client: Client, shared_project: str, fake_aws: FakeAws
) -> None:
    for project in (None, shared_project):
        uppy = Uppy.create(client, project)
        assert uppy.endpoint.startswith("https://files.example.test/api/v1/u/hu_")
        assert uppy.create_multipart().upload_id.startswith(project or users.personal_project_id(client))


def test_an_api_key_gets_an_endpoint_of_its_project(client: Client, shared_project: str, fake_aws: FakeAws) -> None:
    key = create_api_key_client(client, shared_project, "files.write")

    Uppy.create(key).create_multipart()

    [upload] = key.get("/uploads").data()
    assert (upload["createdBy"], upload["id"][:12]) == (client.user["id"], shared_project)
    [entry] = fake_aws.find_rows("audit", action="uploads.init")
    assert (entry["actor"], entry["api_key_id"]) == (client.user["id"], key.key_id)


def test_a_browser_with_a_session_cookie_gets_an_endpoint(client: Client) -> None:
    browser = Browser.sign_in(client.user["email"])
    csrf = browser.get("/auth/me").data()["csrfToken"]

    refused = browser.send("POST", "/uploads/companion-token", None, origin=ORIGIN)
    endpoint = browser.send("POST", "/uploads/companion-token", None, origin=ORIGIN, **{"x-csrf-token": csrf})

    assert refused.status == 403
    assert Uppy(endpoint.created()["endpoint"]).get_params().status == 200


def test_who_may_not_upload_gets_no_endpoint(client: Client, shared_project: str, fake_aws: FakeAws) -> None:
    body = {"projectId": shared_project}
    viewer = create_member(client, shared_project, fake_aws, "viewer")
    reader = create_api_key_client(client, shared_project, "files.read")

    for refused in (viewer, reader):
        assert refused.post("/uploads/companion-token", body).status == 403
    assert users.create_client().post("/uploads/companion-token", body).status == 404
    assert Client().post("/uploads/companion-token", body).status == 401
    assert fake_aws.find_rows("main", record_type="companion-token") == []


def test_a_repeated_request_gets_no_second_endpoint(client: Client, fake_aws: FakeAws) -> None:
    Uppy.create(client, headers={"idempotency-key": "once"})

    again = client.post("/uploads/companion-token", headers={"idempotency-key": "once"})

    assert (again.status, again.problem()["code"]) == (409, "already_done")
    assert len(fake_aws.find_rows("main", record_type="companion-token")) == 1


def test_an_endpoint_lives_for_a_day(client: Client, frozen_clock: FrozenClock) -> None:
    assert lifetime(client.post("/uploads/companion-token")) == timedelta(hours=24)
    uppy = Uppy.create(client)
    upload = uppy.create_multipart()

    frozen_clock.advance(hours=24, seconds=-1)
    assert uppy.get_params().status == 200
    frozen_clock.advance(seconds=1)
    assert {(each.status, each.problem()["code"]) for each in calls(uppy, upload)} == {NOT_FOUND}


def test_an_endpoint_does_not_outlive_its_session_or_api_key(
    client: Client, shared_project: str, frozen_clock: FrozenClock
) -> None:
    expires_at = (clock.now() + timedelta(hours=1)).isoformat()
    key = create_api_key_client(client, shared_project, expiresAt=expires_at)
    session = Browser.sign_in(client.user["email"])
    csrf = session.get("/auth/me").data()["csrfToken"]
    headers = {"origin": ORIGIN, "x-csrf-token": csrf}
    assert lifetime(key.post("/uploads/companion-token")) == timedelta(hours=1)
    for _ in range(6):
        frozen_clock.advance(days=5, minutes=-10)  # a session that is used ends after 30 days
        session.get("/auth/me").data()

    response = session.send("POST", "/uploads/companion-token", None, **headers)

    assert lifetime(response) == timedelta(hours=1)
    uppy = Uppy(response.created()["endpoint"])
    assert uppy.get_params().status == 200
    frozen_clock.advance(hours=1)
    assert uppy.get_params().status == 404


@dataclass(frozen=True)
class Revocation:
    """A project, an editor of it with an endpoint, and an API key of the editor with another one."""

    owner: Client
    superuser: Client
    editor: Client
    key: ApiKeyClient
    project_id: str

    def sign_out(self) -> None:
        assert self.editor.post("/auth/logout").status == 204

    def sign_out_everywhere(self) -> None:
        assert self.editor.post("/auth/logout-all").status == 204

    def disable_user(self) -> None:
        self.superuser.request("PATCH", f"/users/{self.editor.user['id']}", {"status": "disabled"}).data()

    def remove_member(self) -> None:
        assert self.owner.delete(f"/projects/{self.project_id}/members/{self.editor.user['id']}").status == 204

    def make_viewer(self) -> None:
        path = f"/projects/{self.project_id}/members/{self.editor.user['id']}"
        self.owner.request("PATCH", path, {"role": "viewer"}).data()

    def delete_project(self) -> None:
        self.owner.delete(f"/projects/{self.project_id}").data()

    def disable_key(self) -> None:
        path = f"/projects/{self.project_id}/keys/{self.key.key_id}"
        self.owner.request("PATCH", path, {"enabled": False}).data()

    def delete_key(self) -> None:
        assert self.owner.delete(f"/projects/{self.project_id}/keys/{self.key.key_id}").status == 204


@pytest.fixture
def revocation(client: Client, superuser: Client, shared_project: str, fake_aws: FakeAws) -> Revocation:
    editor = create_member(client, shared_project, fake_aws, "owner")  # only owners create API keys
    key = create_api_key_client(editor, shared_project)
    client.request("PATCH", f"/projects/{shared_project}/members/{editor.user['id']}", {"role": "editor"}).data()
    return Revocation(client, superuser, editor, key, shared_project)


@pytest.mark.parametrize(
    ("revoke", "of_session", "of_key"),
    [
        (Revocation.sign_out, NOT_FOUND, None),
        (Revocation.sign_out_everywhere, NOT_FOUND, None),
        (Revocation.disable_user, NOT_FOUND, NOT_FOUND),
        (Revocation.remove_member, NOT_FOUND, NOT_FOUND),
        (Revocation.make_viewer, FORBIDDEN, FORBIDDEN),
        (Revocation.delete_project, NOT_FOUND, NOT_FOUND),
        (Revocation.disable_key, None, NOT_FOUND),
        (Revocation.delete_key, None, NOT_FOUND),
    ],
)
def test_a_revoked_right_ends_an_endpoint_with_the_next_request(
    revocation: Revocation,
    fake_aws: FakeAws,
    revoke: Callable[[Revocation], None],
    of_session: Refusal | None,
    of_key: Refusal | None,
) -> None:
    endpoints = {
        "session": Uppy.create(revocation.editor, revocation.project_id),
        "key": Uppy.create(revocation.key),
    }
    uploads = {name: uppy.create_multipart() for name, uppy in endpoints.items()}

    revoke(revocation)

    before = fake_aws.find_rows("main", record_type="upload")
    for name, expected in {"session": of_session, "key": of_key}.items():
        if expected is None:
            result(endpoints[name].sign_part(uploads[name], 1))
        else:
            responses = calls(endpoints[name], uploads[name])
            assert {(each.status, each.problem()["code"]) for each in responses} == {expected}
    assert fake_aws.find_rows("main", record_type="upload") == before


def test_a_member_who_joins_again_has_the_endpoint_of_the_session_but_not_that_of_the_key(
    revocation: Revocation, fake_aws: FakeAws
) -> None:
    """The session is as good as before, and an API key ends with the membership of its creator."""
    session, key = Uppy.create(revocation.editor, revocation.project_id), Uppy.create(revocation.key)
    revocation.remove_member()
    add_member(revocation.owner, revocation.project_id, fake_aws, revocation.editor, "editor")

    assert (session.get_params().status, key.get_params().status) == (200, 404)


def test_a_superuser_without_a_membership_gets_an_endpoint(
    client: Client, superuser: Client, shared_project: str, fake_aws: FakeAws
) -> None:
    assert Uppy.create(superuser, shared_project).get_params().status == 200

    assert fake_aws.find_rows("audit", action="projects.access_as_superuser", target=shared_project)


def test_no_part_of_a_token_can_be_changed(client: Client, stranger: Client, shared_project: str) -> None:
    uppy, other = Uppy.create(client), Uppy.create(stranger)
    (kind, ids, secret), (_, other_ids, other_secret) = uppy.token.split("_"), other.token.split("_")
    project, user, principal = ids.split("-")

    for forged in (
        f"{kind}_{ids}_{other_secret}",
        f"{kind}_{other_ids}_{secret}",
        f"{kind}_{shared_project}-{user}-{principal}_{secret}",
        f"{kind}_{project}-{user}-k{principal[1:]}_{secret}",
        f"{kind}_{ids}_{secret[:-1]}",
        f"{kind}_{ids}_{secret}0",
        f"{kind}_{ids}_",
        f"hk_{ids}_{secret}",
        uppy.token.upper(),
        "x",
    ):
        refused = Uppy(uppy.endpoint.replace(uppy.token, forged)).get_params()
        assert (refused.status, refused.problem()["code"]) == NOT_FOUND, forged
        assert refused.problem()["message"] == "This upload endpoint is unknown or has expired. Request a new one."
    assert uppy.get_params().status == 200


def test_the_secret_is_in_no_table(client: Client, fake_aws: FakeAws) -> None:
    uppy = Uppy.create(client)
    uppy.create_multipart()

    text = str([fake_aws.find_rows(table) for table in ("main", "credentials", "audit", "ephemeral")])
    assert uppy.token.rpartition("_")[2] not in text


def test_uploads_are_counted_by_the_user_and_parts_are_not(
    client: Client, override_settings: OverrideSettings, frozen_clock: FrozenClock
) -> None:
    override_settings(RATE_LIMITS=rate_limits(companion=[3, 60]))
    uppy, other_endpoint = Uppy.create(client), Uppy.create(client)
    upload = uppy.create_multipart()
    assert {uppy.sign_part(upload, number).status for number in range(1, 6)} == {200}
    assert [uppy.get_params().status, other_endpoint.get_params().status] == [200, 200]

    refused = other_endpoint.get_params()

    assert (refused.status, refused.problem()["code"]) == (429, "too_many_requests")
    assert "retry-after" in refused.headers
