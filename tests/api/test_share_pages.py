"""The page of a link: what people see, and what its forms do. No response of it is JSON."""

import base64
import hashlib
import json
import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.aws import FakeAws
from tests.support.client import Client, Response
from tests.support.clock import FrozenClock
from tests.support.fixtures import OverrideSettings
from tests.support.image_samples import make_photo
from tests.support.log import CapturedLog
from tests.support.settings import EDGE_URL, edge_store, rate_limits
from tests.support.share_page import Form, find_form, open_page, send, send_file, tags, words
from tests.support.shares import Link, create_link, list_shares, list_uses
from tests.support.uploads import TEXT_FILE, init_upload

PASSWORD = "open sesame please"
UNKNOWN = "hs_" + "0" * 26


@pytest.fixture
def file_id(client: Client, fake_aws: FakeAws) -> str:
    return str(fake_aws.upload(client, b"content", **TEXT_FILE)["fileId"])


@pytest.fixture
def reader(client: Client, file_id: str) -> Link:
    return create_link(client, file_id)


@pytest.fixture
def writer(client: Client, file_id: str) -> Link:
    return create_link(client, file_id, permission="write")


@pytest.fixture
def locked(client: Client, file_id: str) -> Link:
    return create_link(client, file_id, permission="write", password=PASSWORD)


def count_downloads(client: Client, file_id: str) -> int:
    return sum(each["downloads"] for each in list_shares(client, file_id))


def assert_is_page(response: Response) -> None:
    """Check what holds for each page, whatever it shows."""
    headers = response.headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert headers["x-robots-tag"] == "noindex, nofollow"
    style = response.text.partition("<style>")[2].partition("</style>")[0]
    style_hash = base64.b64encode(hashlib.sha256(unescape(style).encode()).digest()).decode()
    policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == f"'sha256-{style_hash}'"
    assert "script-src" not in policy
    found = tags(response)
    assert "script" not in {name for name, _ in found}
    assert [
        attribute for _, each in found for attribute in each if attribute == "style" or attribute.startswith("on")
    ] == []
    assert ("meta", {"name": "robots", "content": "noindex, nofollow"}) in found


def test_page_shows_name_size_limit_and_end(client: Client, file_id: str, frozen_clock: FrozenClock) -> None:
    ends_at = frozen_clock.time + timedelta(days=3)
    link = create_link(client, file_id, maxDownloads=1, expiresAt=ends_at.isoformat())
    page = open_page(link.token)

    assert page.status == 200
    assert_is_page(page)
    until = f"Available until {ends_at.day} {ends_at:%B %Y, %H:%M} UTC"
    assert words(page) == f"notes.txt 7 bytes 1 download left {until} Download"
    assert "<title>notes.txt · Holdall</title>" in page.text


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB")],
)
def test_size_is_in_words_of_people(client: Client, fake_aws: FakeAws, size: int, shown: str) -> None:
    upload = fake_aws.upload(client, b"x" * size, **TEXT_FILE)

    assert f"notes.txt {shown} Download" in words(open_page(create_link(client, upload["fileId"]).token))


def test_parameters_that_social_networks_add_change_nothing(reader: Link) -> None:
    assert open_page(reader.token, "?fbclid=x&utm_source=y").text == open_page(reader.token).text


def test_name_cannot_add_markup(client: Client, fake_aws: FakeAws) -> None:
    name = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;.txt"
    upload = fake_aws.upload(client, b"x", **{**TEXT_FILE, "filename": name})
    page = open_page(create_link(client, upload["fileId"], permission="write").token)

    assert_is_page(page)
    shown = client.get(f"/files/{upload['fileId']}").data()["name"]
    assert shown in words(page)
    assert [each for each in tags(page) if each[0] == "img"] == []


def test_preview_is_a_variant_that_the_policy_of_the_page_allows(client: Client, fake_aws: FakeAws) -> None:
    upload = fake_aws.upload(client, make_photo())
    fake_aws.run_workers()
    page = open_page(create_link(client, upload["fileId"]).token)

    (image,) = [attributes for name, attributes in tags(page) if name == "img"]
    url = urlsplit(image["src"])
    assert url.netloc.startswith("variants.")
    assert f"img-src 'self' {url.scheme}://{url.netloc};" in page.headers["content-security-policy"]
    assert image["alt"].startswith("Preview of ")


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/xml", "application/pdf"])
def test_type_that_may_run_scripts_is_only_a_download(client: Client, fake_aws: FakeAws, content_type: str) -> None:
    content = b"<script>1</script>"
    upload = fake_aws.upload(client, content, filename="page.html", contentType=content_type)
    page = open_page(create_link(client, upload["fileId"]).token)

    assert {name for name, _ in tags(page)}.isdisjoint({"img", "iframe", "object", "embed", "a"})
    location = send(find_form(page, "/download")).headers["location"]
    assert parse_qs(urlsplit(location).query)["response-content-disposition"][0].startswith("attachment;")


def test_opening_counts_nothing_and_the_button_leads_to_the_file(client: Client, file_id: str, reader: Link) -> None:
    page = open_page(reader.token)
    opened = count_downloads(client, file_id)
    downloaded = send(find_form(page, "/download"))

    assert (opened, count_downloads(client, file_id)) == (0, 1)
    assert (downloaded.status, downloaded.text) == (303, "")
    url = urlsplit(downloaded.headers["location"])
    assert "versionId" in parse_qs(url.query)
    # Chromium applies the policy to what a form redirects to.
    assert f"form-action 'self' {url.scheme}://{url.netloc};" in page.headers["content-security-policy"]


def test_file_that_did_not_arrive_whole_offers_no_download_but_takes_a_new_version(
    client: Client, fake_aws: FakeAws
) -> None:
    upload = init_upload(client, b"cut", sha256=None)
    fake_aws.put_object(upload, b"cut")
    client.post("/files/commit", {"uploadId": upload["uploadId"], "checksum": "0" * 64}).data()
    fake_aws.run_workers()
    link = create_link(client, upload["fileId"], permission="write", password=PASSWORD)
    locked = json.loads(link.see().text)["data"]
    page = send(find_form(open_page(link.token), f"/s/{link.token}"), password=PASSWORD)

    assert (page.status, locked["downloadable"]) == (200, None)
    assert "did not arrive whole, so it cannot be downloaded" in words(page)
    assert [values["action"] for name, values in tags(page) if name == "form"] == [f"/s/{link.token}/upload"]
    sent = send_file(find_form(page, "/upload"), "notes.txt", b"whole", newVersion="true")
    assert send(find_form(sent, "/download")).status == 303


def test_policy_of_the_page_allows_downloads_from_the_edge_store(
    reader: Link, override_settings: OverrideSettings
) -> None:
    override_settings(EDGE_STORE=edge_store())

    assert f" {EDGE_URL};" in open_page(reader.token).headers["content-security-policy"].partition("form-action")[2]


def test_share_for_reading_has_no_form_for_uploads(reader: Link) -> None:
    sent = send_file(Form(f"/s/{reader.token}/upload"), "a.txt", b"x")

    assert "/upload" not in open_page(reader.token).text
    assert (sent.status, "This link does not accept uploads." in words(sent)) == (403, True)


def test_file_is_uploaded_and_named(client: Client, file_id: str, writer: Link) -> None:
    page = send_file(find_form(open_page(writer.token), "/upload"), "größe 🎁.txt", b"a gift")

    assert page.status == 200
    assert_is_page(page)
    assert words(page).startswith("“ größe 🎁.txt ” was uploaded. Thank you.")
    newest, _ = client.get("/files").data()
    assert (newest["name"], newest["size"]) == ("größe 🎁.txt", 6)
    assert [(each["action"], each["bytes"]) for each in list_uses(client, file_id, writer)] == [("upload", 6)]


def test_form_that_is_sent_again_uploads_once_and_another_file_in_it_is_another(client: Client, writer: Link) -> None:
    form = find_form(open_page(writer.token), "/upload")
    for content in (b"first", b"first", b"other"):
        assert send_file(form, "gift.txt", content).status == 200

    assert len(client.get("/files").data()) == 3  # with the one that is shared


def test_new_version_is_shown_at_once(writer: Link) -> None:
    form = find_form(open_page(writer.token), "/upload")
    page = send_file(form, "other.txt", b"better content", newVersion="true")

    assert words(page).startswith("“ notes.txt ” was uploaded. Thank you. notes.txt 14 bytes")


@pytest.mark.parametrize(
    ("name", "content_type", "status", "reason"),
    [
        ("..", "text/plain", 422, "A file of this name cannot be stored."),
        ("photo.jpg", "image/jpeg", 422, "This file is of another kind"),
    ],
)
def test_upload_that_is_refused_says_why_on_the_page(
    writer: Link, name: str, content_type: str, status: int, reason: str
) -> None:
    form = find_form(open_page(writer.token), "/upload")
    page = send_file(form, name, b"x", content_type, newVersion="true")

    assert page.status == status
    assert_is_page(page)
    assert words(page).startswith(reason)
    assert send_file(find_form(page, "/upload"), "a.txt", b"x").status == 200


def test_upload_beyond_the_quota_says_whom_to_tell(client: Client, fake_aws: FakeAws) -> None:
    project_id = client.post("/projects", {"name": "x"}).created()["id"]
    upload = fake_aws.upload(client, b"content", projectId=project_id, **TEXT_FILE)
    link = create_link(client, upload["fileId"], permission="write")
    client.request("PATCH", f"/projects/{project_id}", {"settings": {"quota": {"maxBytes": 10}}}).data()
    page = send_file(find_form(open_page(link.token), "/upload"), "a.txt", b"four")

    assert page.status == 409
    assert words(page).startswith("There is no room for this file. Tell the person who sent you the link.")


def test_file_of_more_than_4_mib_is_refused_by_the_function_as_by_cloudfront(writer: Link) -> None:
    form = find_form(open_page(writer.token), "/upload")
    sent = send_file(form, "large.txt", b"x" * (4 * 1024**2 + 1))
    led_back = open_page(writer.token, "?tooLarge=true")

    assert [sent.status, led_back.status] == [413, 413]
    for page in (sent, led_back):
        assert_is_page(page)
        assert "The file is too large. This page takes files of up to 4 MB." in words(page)
    assert send_file(form, "large.txt", b"x" * 4 * 1024**2).status == 200


class TestPassword:
    """A share with a password asks for it once, in a form, and shows nothing before."""

    def test_nothing_of_the_file_is_shown(self, locked: Link) -> None:
        page = open_page(locked.token)

        assert page.status == 200
        assert_is_page(page)
        assert "notes" not in page.text
        assert words(page).startswith("This file is protected")
        assert [each["type"] for name, each in tags(page) if name == "input"] == ["password"]

    def test_wrong_password_asks_again(self, locked: Link) -> None:
        form = find_form(open_page(locked.token), locked.token)
        pages = [send(form, password="wrong"), send(form), send(form, password="x" * 5000)]

        assert [page.status for page in pages] == [403] * 3
        for page in pages:
            assert "That is not the password. Check it, then try again." in words(page)
            assert "notes" not in page.text
            assert find_form(page, locked.token).fields == {}

    def test_right_password_opens_the_buttons_for_half_an_hour(self, locked: Link, frozen_clock: FrozenClock) -> None:
        page = send(find_form(open_page(locked.token), locked.token), password=PASSWORD)
        assert_is_page(page)
        assert "notes.txt" in words(page)
        assert PASSWORD not in page.text
        download, upload = find_form(page, "/download"), find_form(page, "/upload")
        frozen_clock.advance(minutes=29, seconds=59)
        statuses = [send(download).status, send_file(upload, "a.txt", b"x").status]
        frozen_clock.advance(seconds=1)
        late = [send(download), send_file(upload, "a.txt", b"y")]

        assert statuses == [303, 200]
        assert [each.status for each in late] == [403, 403]
        assert all("Enter the password again." in words(each) for each in late)

    def test_ticket_is_for_one_share_and_cannot_be_changed(self, client: Client, file_id: str, locked: Link) -> None:
        other = create_link(client, file_id, password=PASSWORD)
        page = send(find_form(open_page(locked.token), locked.token), password=PASSWORD)
        ticket = find_form(page, "/download").fields["ticket"]
        ends_at, _, mac = ticket.partition(".")
        form, form_of_other = Form(f"/s/{locked.token}/download"), Form(f"/s/{other.token}/download")
        forged = ["", "x", f"{int(ends_at) + 60}.{mac}", f"{ends_at}.{mac[:-1]}{'1' if mac[-1] == '0' else '0'}"]

        assert [send(form, ticket=each).status for each in forged] == [403] * 4
        assert send(form_of_other, ticket=ticket).status == 403
        assert send(form, ticket=ticket).status == 303

    def test_attempts_on_the_page_and_by_the_api_are_counted_together(
        self, locked: Link, override_settings: OverrideSettings
    ) -> None:
        override_settings(RATE_LIMITS=rate_limits(share_password=[2, 900]))
        form = find_form(open_page(locked.token), locked.token)
        statuses = [send(form, password="wrong").status, locked.download("wrong").status]
        page = send(form, password=PASSWORD)

        assert statuses == [403, 403]
        assert (page.status, int(page.headers["retry-after"]) > 0) == (429, True)
        assert_is_page(page)
        assert words(page).startswith("Too many attempts Too many requests. Try again in ")

    def test_neither_password_nor_ticket_is_logged(self, locked: Link, log: CapturedLog) -> None:
        form = find_form(open_page(locked.token), locked.token)
        page = send(form, password=PASSWORD)
        send(form, password="canary of a password")
        ticket = find_form(page, "/download").fields["ticket"]
        send(find_form(page, "/download"))

        assert f"share={locked.share_id}" in log.text
        for canary in (PASSWORD, "canary of a password", ticket.partition(".")[2], locked.token.removeprefix("hs_")):
            assert canary not in log.text


@pytest.mark.parametrize("path", ["", "/x", "/download/x", "/%00", "/../x"])
def test_unknown_link_is_a_page_that_says_what_to_do(path: str) -> None:
    page = open_page(UNKNOWN, path)

    assert page.status == 404
    assert_is_page(page)
    assert words(page).startswith("This link does not work It may have expired, been used up or been withdrawn")
    assert page.headers["x-request-id"] in words(page)
    assert UNKNOWN not in page.text


def test_address_that_a_form_left_leads_back(reader: Link) -> None:
    for path in ("/download", "/upload"):
        led_back = open_page(reader.token, path)
        assert (led_back.status, led_back.headers["location"]) == (303, f"/s/{reader.token}")


@pytest.mark.parametrize("text", ["x", "größe", "..", UNKNOWN + "x"])
def test_address_without_a_token_leads_nowhere(text: str) -> None:
    page = open_page(text, "/download")

    assert page.status == 404
    assert "location" not in page.headers
    assert_is_page(page)


@pytest.mark.parametrize(
    ("method", "path", "content_type", "body", "status"),
    [
        ("PUT", "", "text/plain", b"x", 405),
        ("POST", "", "application/json", b'{"password": "x"}', 415),
        ("POST", "", "application/x-www-form-urlencoded", b"a=" + b"x" * 16 * 1024, 413),
        ("POST", "", "application/x-www-form-urlencoded", b"a=1&" * 11, 400),
        ("POST", "/download", "application/x-www-form-urlencoded", b"ticket=%ff", 400),
        ("POST", "/download", "application/x-www-form-urlencoded", b"\xff\xfe", 400),
        ("POST", "/upload", "application/x-www-form-urlencoded", b"file=x", 415),
        ("POST", "/upload", "multipart/form-data; boundary=b", b"x", 400),
        ("POST", "/upload", "multipart/form-data; boundary=b", b"--b--\r\n", 422),
        ("GET", "?tooLarge=" + "x" * 101, "", b"", 422),
    ],
)
def test_request_that_no_form_sends_gets_a_page_with_its_status(
    reader: Link, method: str, path: str, content_type: str, body: bytes, status: int
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    page = Client(base_path="").request(method, f"/s/{reader.token}{path}", raw=body, headers=headers)

    assert page.status == status
    assert_is_page(page)
    assert re.search(r"<h1>[A-Z].*</h1>", page.text)


def test_form_without_a_file_says_so(writer: Link) -> None:
    page = send_file(find_form(open_page(writer.token), "/upload"), "", b"", "application/octet-stream")

    assert (page.status, "Choose a file first." in words(page)) == (422, True)


def test_failure_of_ours_is_a_page_without_its_cause(reader: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdall.shares.visits.open_share", lambda _: 1 / 0)
    page = open_page(reader.token)

    assert page.status == 500
    assert_is_page(page)
    assert "division" not in page.text
    assert reader.token not in page.text
