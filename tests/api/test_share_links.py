"""Links, as strangers use them: exact limits, passwords, and one 404 for everything that has ended (U7, R9)."""

import json
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support import projects, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.image_samples import make_photo
from tests.support.log import CapturedLog
from tests.support.passwords import count_hashes
from tests.support.settings import rate_limits
from tests.support.share_page import Form, open_page, send, send_file
from tests.support.shares import Link, create_link, list_shares, list_uses, request_share
from tests.support.uploads import TEXT_FILE

PASSWORD = "open sesame please"
UNKNOWN = Link("hs_" + "0" * 26)


@pytest.fixture
def file_id(client: Client, fake_aws: FakeAws) -> str:
    return str(fake_aws.upload(client, b"content", **TEXT_FILE)["fileId"])


def without_request_id(response: Response) -> str:
    """Return everything of a response but its request ID."""
    request_id = response.headers["x-request-id"]
    return f"{response.status} {sorted(response.headers.items())} {response.text}".replace(request_id, "")


def responses(link: Link) -> list[str]:
    """Use a link in every way, as a program and on its page."""
    used = [link.see(), link.download(), link.download(PASSWORD), link.init_upload(), link.commit("x" * 26)]
    path = f"/s/{link.token}"
    used += [open_page(link.token), send(Form(path), password=PASSWORD), send(Form(f"{path}/download"))]
    used += [send_file(Form(f"{path}/upload"), "a.txt", b"content")]
    return [without_request_id(each) for each in used]


def test_stranger_sees_what_is_shared_and_nothing_else(client: Client, file_id: str) -> None:
    seen = create_link(client, file_id, maxDownloads=3).see().data()

    assert seen == {
        "permission": "read",
        "needsPassword": False,
        "expiresAt": None,
        "downloadsLeft": 3,
        "name": "notes.txt",
        "size": 7,
        "kind": "file",
        "downloadable": True,
        "preview": None,
    }


def test_download_is_an_attachment_for_five_minutes(client: Client, file_id: str, frozen_clock: FrozenClock) -> None:
    downloaded = create_link(client, file_id).download().data()
    query = parse_qs(urlsplit(downloaded["url"]).query)

    assert query["response-content-disposition"] == ['attachment; filename="notes.txt"']
    assert query["X-Amz-Expires"] == ["300"]
    assert query["versionId"]
    assert downloaded["expiresAt"] == (frozen_clock.time + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/xml", "application/pdf"])
def test_type_that_may_run_scripts_has_no_preview_and_is_an_attachment(
    client: Client, fake_aws: FakeAws, content_type: str
) -> None:
    upload = fake_aws.upload(client, b"<script>1</script>", filename="page.html", contentType=content_type)
    link = create_link(client, upload["fileId"])

    assert link.see().data()["preview"] is None
    disposition = parse_qs(urlsplit(link.download().data()["url"]).query)["response-content-disposition"][0]
    assert disposition.startswith("attachment;")


def test_preview_of_an_image_is_a_variant_and_never_the_original(client: Client, fake_aws: FakeAws) -> None:
    variants = [{"name": name, "width": width} for name, width in (("thumb", 5), ("screen", 10))]
    project = client.post("/projects", {"name": "x", "settings": {"variants": variants}}).created()
    upload = fake_aws.upload(client, make_photo(), projectId=project["id"])
    link = create_link(client, upload["fileId"])
    before = link.see().data()["preview"]
    fake_aws.run_workers()
    preview = link.see().data()["preview"]

    url = urlsplit(preview["url"])
    assert before is None
    assert url.netloc.startswith("variants.")
    assert "/images/screen/" in url.path
    assert parse_qs(url.query)["response-content-type"] == ["image/webp"]
    assert preview["width"] == 10


def test_downloads_are_counted_exactly_and_the_last_one_ends_the_share(client: Client, file_id: str) -> None:
    link = create_link(client, file_id, maxDownloads=2)
    left = [link.see().data()["downloadsLeft"]]
    statuses = []
    for _ in range(3):
        statuses.append(link.download().status)
        left += [link.see().json().get("data", {}).get("downloadsLeft")]

    assert statuses == [200, 200, 404]
    assert left == [2, 1, None, None]
    assert [(each["downloads"], each["status"]) for each in list_shares(client, file_id)] == [(2, "used_up")]
    assert len(list_uses(client, file_id, link)) == 2


def test_share_is_expired_at_its_time(client: Client, file_id: str, frozen_clock: FrozenClock) -> None:
    link = create_link(client, file_id, expiresAt=(frozen_clock.time + timedelta(seconds=60)).isoformat())
    frozen_clock.advance(seconds=59)
    before = link.download().status
    frozen_clock.advance(seconds=1)

    assert before == 200
    assert responses(link) == responses(UNKNOWN)


def revoke(client: Client, file_id: str, link: Link) -> None:
    client.delete(f"/files/{file_id}/shares/{link.share_id}")


def trash(client: Client, file_id: str, link: Link) -> None:
    client.delete(f"/files/{file_id}").data()


def purge(client: Client, file_id: str, link: Link) -> None:
    client.delete(f"/files/{file_id}?permanent=true").data()


def delete_project(client: Client, file_id: str, link: Link) -> None:
    client.delete(f"/projects/{file_id.partition('-')[0]}").data()


def use_up(client: Client, file_id: str, link: Link) -> None:
    link.download(PASSWORD).data()


ENDINGS = [revoke, trash, purge, delete_project, use_up]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
def test_share_that_has_ended_is_like_an_unknown_one(
    client: Client, fake_aws: FakeAws, ending: Callable[[Client, str, Link], None]
) -> None:
    project_id = client.post("/projects", {"name": "x"}).created()["id"]
    file_id = fake_aws.upload(client, b"content", projectId=project_id, **TEXT_FILE)["fileId"]
    link = create_link(client, file_id, permission="write", maxDownloads=1, password=PASSWORD)
    assert link.see().status == 200
    ending(client, file_id, link)

    assert responses(link) == responses(UNKNOWN)
    assert json.loads(link.see().text)["code"] == "not_found"


@pytest.mark.parametrize(
    "token", ["x", "hs_", "hs_" + "0" * 25, "HS_" + "0" * 26, "hk_" + "0" * 26, "%00", "%F0%9F%A6%8A"]
)
def test_text_that_is_no_token_is_like_an_unknown_one(token: str) -> None:
    assert without_request_id(Link(token).see()) == without_request_id(UNKNOWN.see())


class TestCreator:
    """A share ends with the right of its creator to share (R9)."""

    @pytest.fixture
    def project_id(self, client: Client) -> str:
        return projects.create_shared_project(client)

    @pytest.fixture
    def editor(self, client: Client, project_id: str, fake_aws: FakeAws) -> Client:
        return projects.create_member(client, project_id, fake_aws, "editor")

    @pytest.fixture
    def shared(self, client: Client, project_id: str, fake_aws: FakeAws) -> str:
        return str(fake_aws.upload(client, b"content", projectId=project_id, **TEXT_FILE)["fileId"])

    def test_member_with_a_lesser_role_ends_it(
        self, client: Client, editor: Client, project_id: str, shared: str
    ) -> None:
        link = create_link(editor, shared)
        projects.change_member_role(client, project_id, editor.user["id"], "viewer").data()

        assert responses(link) == responses(UNKNOWN)
        assert [each["status"] for each in list_shares(client, shared)] == ["inactive"]

    def test_member_who_leaves_ends_it_for_good(
        self, client: Client, editor: Client, project_id: str, shared: str, fake_aws: FakeAws
    ) -> None:
        link = create_link(editor, shared)
        projects.leave_project(editor, project_id)
        gone = link.see().status
        projects.add_member(client, project_id, fake_aws, editor, "editor")

        assert gone == 404
        assert link.see().status == 404

    def test_disabled_user_ends_it(self, editor: Client, superuser: Client, shared: str) -> None:
        link = create_link(editor, shared)
        superuser.request("PATCH", f"/users/{editor.user['id']}", {"status": "disabled"}).data()

        assert responses(link) == responses(UNKNOWN)

    def test_disabled_api_key_ends_it(self, client: Client, project_id: str, shared: str) -> None:
        key = projects.create_api_key_client(client, project_id, "files.read", "files.share")
        link = create_link(key, shared)
        before = link.see().status
        client.request("PATCH", f"/projects/{project_id}/keys/{key.key_id}", {"enabled": False}).data()

        assert before == 200
        assert responses(link) == responses(UNKNOWN)

    @pytest.mark.parametrize(
        ("scopes", "allowed"),
        [
            (["files.share"], []),
            (["files.share", "files.write"], []),
            (["files.read", "files.share"], ["read"]),
            (["files.read", "files.share", "files.write"], ["read", "write"]),
        ],
        ids=str,
    )
    def test_api_key_shares_only_what_it_may_do_itself(
        self, client: Client, project_id: str, shared: str, scopes: list[str], allowed: list[str]
    ) -> None:
        key = projects.create_api_key_client(client, project_id, *scopes)
        answers = {each: request_share(key, shared, permission=each) for each in ("read", "write")}

        assert [each for each, answer in answers.items() if answer.status == 201] == allowed
        refused = [answer.problem()["code"] for each, answer in answers.items() if each not in allowed]
        assert set(refused) <= {"scope_not_held"}

    def test_superuser_who_is_no_member_can_share(self, superuser: Client, shared: str) -> None:
        link = create_link(superuser, shared, permission="write")

        assert link.download().status == 200
        assert link.init_upload().status == 201


class TestPassword:
    """A share with a password shows nothing and gives nothing without it."""

    @pytest.fixture
    def link(self, client: Client, file_id: str) -> Link:
        return create_link(client, file_id, password=PASSWORD, permission="write")

    def test_nothing_of_the_file_is_shown(self, link: Link) -> None:
        seen = link.see().data()

        assert seen.pop("needsPassword")
        assert {name for name, value in seen.items() if value is not None} == {"permission"}

    def test_right_password_downloads(self, link: Link) -> None:
        assert link.download(PASSWORD).status == 200

    def test_missing_and_wrong_passwords_are_refused_and_not_counted(
        self, client: Client, file_id: str, link: Link
    ) -> None:
        refused = [link.download(), link.download("wrong"), link.init_upload(), link.init_upload(password="wrong")]

        assert [(each.status, each.problem()["code"]) for each in refused] == [
            (403, "password_required"),
            (403, "wrong_password"),
        ] * 2
        assert list_uses(client, file_id, link) == []

    def test_wrong_passwords_are_limited_for_each_share_and_network(
        self, client: Client, file_id: str, link: Link, override_settings: OverrideSettings, frozen_clock: FrozenClock
    ) -> None:
        other = create_link(client, file_id, password=PASSWORD)
        override_settings(RATE_LIMITS=rate_limits(share_password=[3, 900]))
        statuses = [link.download("wrong").status for _ in range(4)]

        assert statuses == [403, 403, 403, 429]
        assert link.download(PASSWORD).status == 429
        assert link.init_upload(password=PASSWORD).status == 429
        assert link.download(PASSWORD, source="198.51.100.1").status == 200
        assert other.download(PASSWORD).status == 200

    def test_right_password_is_not_counted(self, link: Link, override_settings: OverrideSettings) -> None:
        override_settings(RATE_LIMITS=rate_limits(share_password=[2, 900]))

        assert [link.download(PASSWORD).status for _ in range(3)] == [200] * 3
        assert [link.init_upload(password=PASSWORD).status for _ in range(3)] == [201] * 3

    def test_refused_attempt_hashes_nothing_beyond_the_limit(
        self, link: Link, override_settings: OverrideSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        override_settings(RATE_LIMITS=rate_limits(share_password=[1, 900]))
        with count_hashes(monkeypatch) as hashes:
            for _ in range(3):
                link.download("wrong")

        assert hashes == ["verify"]


def test_all_uses_of_links_are_limited_for_each_network(
    client: Client, file_id: str, override_settings: OverrideSettings
) -> None:
    link = create_link(client, file_id)
    override_settings(RATE_LIMITS=rate_limits(share=[2, 60]))

    assert [link.see().status, UNKNOWN.see().status, link.download().status] == [200, 404, 429]
    assert link.see(source="198.51.100.1").status == 200


def test_no_secret_of_a_share_is_logged(client: Client, file_id: str, log: CapturedLog) -> None:
    link = create_link(client, file_id, password=PASSWORD, permission="write")
    secret, url = link.token.removeprefix("hs_"), link.download(PASSWORD).data()["url"]
    link.see()
    link.download("canary of a password")
    link.init_upload(password=PASSWORD).created()
    Client().get(f"/s/{link.token}/{link.token}?token={link.token}")
    Client().request("PUT", f"/s/{link.token}", {link.token: PASSWORD})
    Client().post(f"/s/{link.token}/download", raw=f'{{"password": "{PASSWORD}"'.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holdall.shares.visits.open_share", lambda _: 1 / 0)
        assert link.see().status == 500

    logged = log.text
    assert "unhandled_error" in logged
    assert f"share={link.share_id}" in logged
    for canary in (secret, PASSWORD, "canary of a password", url.rpartition("Signature=")[2]):
        assert canary not in logged


def test_restore_from_the_trash_revives_a_share(client: Client, file_id: str) -> None:
    link = create_link(client, file_id)
    client.delete(f"/files/{file_id}").data()
    in_trash = link.download().status
    client.post(f"/files/{file_id}/restore").data()

    assert in_trash == 404
    assert link.download().status == 200


def test_account_that_is_deleted_ends_its_shares(client: Client, file_id: str) -> None:
    link = create_link(client, file_id)
    users.delete_account(client)

    assert responses(link) == responses(UNKNOWN)
