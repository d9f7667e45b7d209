"""Faults while uploads are begun, committed, put away and purged: the books agree whatever call failed."""

from typing import Any

import pytest

from tests.api import books, people
from tests.api.client import Answer, Client
from tests.api.cloud import Cloud, announce, photo
from tests.api.conftest import Clock
from tests.api.faults import MODES, Mode, Scene, settle, survive

each_mode = pytest.mark.parametrize("mode", MODES)
TEXT = {"filename": "notes.txt", "contentType": "text/plain"}


def public(client: Client) -> str:
    """A public project with one small variant."""
    settings = {"visibility": "public", "variants": [{"name": "thumb", "width": 5}]}
    return str(client.post("/projects", {"name": "x", "settings": settings}).created()["id"])


@each_mode
@pytest.mark.parametrize("key", [None, "key"])
def test_a_begun_upload_is_counted(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode, key: str | None) -> None:
    def prepare() -> Scene:
        cloud.forget()
        client = people.signed_in()
        project = people.personal_project(client)

        def deliver() -> Answer:
            headers = {"idempotency-key": key} if key else {}
            return client.post("/files/init-upload", announce(b"content", **TEXT), headers=headers)

        def check(again: Answer) -> None:
            begun = again.created()
            books.check(cloud, project)
            if key:
                assert [each["id"] for each in books.uploads(cloud, project)] == [begun["uploadId"]]
            cloud.put(begun, b"content")
            assert client.post("/files/commit", {"uploadId": begun["uploadId"]}).status == 200

        return Scene(deliver, check)

    survive(monkeypatch, mode, prepare)


@each_mode
@pytest.mark.parametrize("content_type", ["image/jpeg", "text/plain"])
def test_a_commit_makes_one_version(
    frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode, content_type: str
) -> None:
    def prepare() -> Scene:
        cloud.forget()
        client = people.signed_in()
        project = public(client)
        said = announce(photo(), contentType=content_type, projectId=project)
        begun = client.post("/files/init-upload", said).created()
        cloud.put(begun, photo())

        def check(again: Answer) -> None:
            assert again.data()["version"] == 1
            books.check(cloud, project)
            settle(cloud, frozen)
            (version,) = books.versions(cloud, project)
            assert version["status"] == "ready"
            assert len(cloud.rows("audit", action="uploads.commit")) == 1
            books.check(cloud, project)

        return Scene(lambda: client.post("/files/commit", {"uploadId": begun["uploadId"]}), check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_a_new_version_is_made_once(frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    def prepare() -> Scene:
        cloud.forget()
        client = people.signed_in()
        project = people.personal_project(client)
        file_id = cloud.upload(client, b"first", **TEXT)["fileId"]
        begun = client.post("/files/init-upload", announce(b"second", fileId=file_id, **TEXT)).created()
        cloud.put(begun, b"second")

        def check(again: Answer) -> None:
            assert again.data()["version"] == 2
            assert client.get(f"/files/{file_id}").data()["version"] == 2
            assert len(books.versions(cloud, project)) == 2
            books.check(cloud, project)

        return Scene(lambda: client.post("/files/commit", {"uploadId": begun["uploadId"]}), check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_trash_leaves_nothing_under_media(
    frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    def prepare() -> Scene:
        client, project, file_id = drawn(cloud)

        def check(again: Answer) -> None:
            assert again.data()["status"] == "deleted"
            settle(cloud, frozen)
            assert [key for key in cloud.keys("variants", project) if key.startswith("media/")] == []
            assert len(cloud.rows("audit", action="files.trash")) == 1
            books.check(cloud, project)

        return Scene(lambda: client.delete(f"/files/{file_id}"), check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_a_purge_leaves_nothing(frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode) -> None:
    def prepare() -> Scene:
        client, project, file_id = drawn(cloud)

        def check(again: Answer) -> None:
            assert again.status in (202, 404)
            assert client.get(f"/files/{file_id}").status == 404
            settle(cloud, frozen)
            books.nothing_left(cloud, project)
            assert len(cloud.rows("audit", action="files.purge")) == 1

        return Scene(lambda: client.delete(f"/files/{file_id}?permanent=true"), check)

    survive(monkeypatch, mode, prepare)


@each_mode
def test_a_variant_that_is_named_anew_is_drawn(
    frozen: Clock, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    def prepare() -> Scene:
        client, project, file_id = drawn(cloud)
        (row,) = cloud.rows("main", pk=f"PROJECT#{project}", sk="PROJECT")
        cloud.change(f"PROJECT#{project}", "PROJECT", settings=row["settings"].replace('"thumb"', '"other"'))

        def check(again: Answer) -> None:
            assert again.status == 202
            settle(cloud, frozen)
            later = people.log_in(client.user["email"])
            assert later.get(f"/files/{file_id}/content?variant=other").status == 302
            books.check(cloud, project)

        return Scene(lambda: client.get(f"/files/{file_id}/content?variant=other"), check)

    survive(monkeypatch, mode, prepare)


def drawn(cloud: Cloud) -> tuple[Client, str, str]:
    """Somebody, their public project, and a photo in it with its variant."""
    cloud.forget()
    client = people.signed_in()
    project = public(client)
    made: dict[str, Any] = cloud.upload(client, photo(), projectId=project)
    cloud.draw()
    return client, project, made["fileId"]
