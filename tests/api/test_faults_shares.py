"""Faults of AWS while a file is shared and its link is used. The state is consistent whichever call fails."""

from typing import Any

import pytest

from tests.support import invariants, users
from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.faults import FAULT_MODES, FaultMode, FaultScenario, assert_survives_faults
from tests.support.share_page import find_form, open_page, send, send_file
from tests.support.shares import Link, create_link, list_shares, list_uses, request_share
from tests.support.uploads import TEXT_FILE

PASSWORD = "open sesame please"
each_fault_mode = pytest.mark.parametrize("mode", FAULT_MODES)


def share_file(fake_aws: FakeAws, **fields: Any) -> tuple[Client, str, Link]:
    """Return an owner, a file, and a link to it."""
    client = users.create_client()
    file_id = str(fake_aws.upload(client, b"content", **TEXT_FILE)["fileId"])
    return client, file_id, create_link(client, file_id, **fields)


def counted_shares(fake_aws: FakeAws, file_id: str) -> int:
    (row,) = fake_aws.find_rows("main", pk=f"SHARES#{file_id}", sk="COUNT")
    return int(row["shares"])


def unless_unavailable(page: Response) -> Response | None:
    """Return a page, or None if it asks to try again."""
    if page.status < 500:
        return page
    assert (page.status, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert int(page.headers["retry-after"]) > 0
    return None


@each_fault_mode
@pytest.mark.parametrize("key", [None, "key"])
def test_share_is_created_whole_and_counted(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, key: str | None
) -> None:
    def prepare() -> FaultScenario:
        client, file_id, _ = share_file(fake_aws)

        def deliver() -> Response:
            return request_share(client, file_id, headers={"idempotency-key": key} if key else {})

        def check(again: Response) -> None:
            if key and again.status == 409:  # the token was in a response that was lost
                assert again.problem()["code"] == "already_done"
            else:
                assert Link(again.created()["token"]).download().status == 200
            shares = list_shares(client, file_id)
            assert counted_shares(fake_aws, file_id) == len(shares)
            assert len(shares) == 2 or key is None
            tokens = [row for row in fake_aws.find_rows("main", sk="TOKEN") if row["file_id"] == file_id]
            assert len(tokens) == len(shares)

        return FaultScenario(deliver, check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_download_is_counted_with_its_use(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, password: str | None
) -> None:
    def prepare() -> FaultScenario:
        client, file_id, link = share_file(fake_aws, maxDownloads=2, password=password)

        def check(again: Response) -> None:
            assert again.status == 200
            (share,) = list_shares(client, file_id)
            assert share["downloads"] == len(list_uses(client, file_id, link)) <= 2
            assert link.download(password).status == (200 if share["downloads"] == 1 else 404)

        return FaultScenario(lambda: link.download(password), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_commit_creates_one_version_and_one_use(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client, file_id, link = share_file(fake_aws, permission="write")
        upload = link.init_upload(b"a gift", filename="gift.txt").created()
        fake_aws.put_object(upload, b"a gift")

        def check(again: Response) -> None:
            assert again.data() == {"name": "gift.txt", "size": 6, "version": 1}
            assert [each["name"] for each in client.get("/files?sort=name").data()] == ["gift.txt", "notes.txt"]
            assert [each["bytes"] for each in list_uses(client, file_id, link)] == [6]
            invariants.assert_project_consistent(fake_aws, file_id.partition("-")[0])

        return FaultScenario(lambda: link.commit(upload["uploadId"]), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_form_with_a_file_creates_one_version_and_one_use(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client, file_id, link = share_file(fake_aws, permission="write")
        form = find_form(open_page(link.token), "/upload")

        def check(again: Response | None) -> None:
            assert again is not None
            assert again.status == 200
            assert [each["name"] for each in client.get("/files?sort=name").data()] == ["gift.txt", "notes.txt"]
            assert [each["bytes"] for each in list_uses(client, file_id, link)] == [6]
            invariants.assert_project_consistent(fake_aws, file_id.partition("-")[0])

        return FaultScenario(lambda: unless_unavailable(send_file(form, "gift.txt", b"a gift")), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_right_password_opens_the_page_after_a_fault(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        _, _, link = share_file(fake_aws, password=PASSWORD)
        form = find_form(open_page(link.token), link.token)

        def check(again: Response | None) -> None:
            assert again is not None
            assert send(find_form(again, "/download")).status == 303

        return FaultScenario(lambda: unless_unavailable(send(form, password=PASSWORD)), check)

    assert_survives_faults(monkeypatch, mode, prepare)


@each_fault_mode
def test_revoked_share_is_gone_and_not_counted(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, mode: FaultMode
) -> None:
    def prepare() -> FaultScenario:
        client, file_id, link = share_file(fake_aws)

        def check(again: Response) -> None:
            assert again.status in (204, 404)
            assert link.see().status == 404
            assert counted_shares(fake_aws, file_id) == len(list_shares(client, file_id)) == 0

        return FaultScenario(lambda: client.delete(f"/files/{file_id}/shares/{link.share_id}"), check)

    assert_survives_faults(monkeypatch, mode, prepare)
