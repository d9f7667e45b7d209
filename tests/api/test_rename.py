"""The name of a file (U6), and the entity tag with which a client changes only what it has read."""

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from holdall.files import rename as files
from holdall.files.names import content_disposition
from tests.support.aws import FakeAws
from tests.support.callers import make_caller
from tests.support.client import Client, Response
from tests.support.faults import interleave
from tests.support.uploads import TEXT_FILE


@pytest.fixture
def file(client: Client, fake_aws: FakeAws) -> dict[str, Any]:
    """Return a text file."""
    uploaded: dict[str, Any] = fake_aws.upload(client, b"content", **TEXT_FILE)["file"]
    return uploaded


def rename(client: Client, file: dict[str, Any], name: str, **headers: str) -> Response:
    return client.request("PATCH", f"/files/{file['id']}", {"name": name}, headers=headers)


def etag_of(client: Client, file: dict[str, Any]) -> str:
    return client.get(f"/files/{file['id']}").headers["etag"]


def test_file_is_renamed_and_listed_by_its_new_name(client: Client, file: dict[str, Any], fake_aws: FakeAws) -> None:
    renamed = rename(client, file, "  Ærlig\u202e talt.txt ").data()

    assert renamed["name"] == "Ærlig talt.txt"
    assert [each["id"] for each in client.get("/files?prefix=ærlig").data()] == [file["id"]]
    assert client.get("/files?prefix=notes").data() == []
    assert [row["target"] for row in fake_aws.find_rows("audit", action="files.rename")] == [file["id"]]


def test_etag_changes_with_the_file_and_stays_without_a_change(client: Client, file: dict[str, Any]) -> None:
    first = etag_of(client, file)
    assert first == etag_of(client, file)
    renamed = rename(client, file, "other.txt")

    assert renamed.headers["etag"] == etag_of(client, file) != first
    assert rename(client, file, "other.txt").headers["etag"] == renamed.headers["etag"]


@pytest.mark.parametrize("form", ["{tag}", "W/{tag}", '"0-x" , {tag}', "*"])
def test_file_that_the_client_has_is_not_sent_again(client: Client, file: dict[str, Any], form: str) -> None:
    headers = {"if-none-match": form.format(tag=etag_of(client, file))}
    unchanged = client.get(f"/files/{file['id']}", headers=headers)

    assert (unchanged.status, unchanged.text) == (304, "")
    assert unchanged.headers["etag"] == etag_of(client, file)
    # Its signed URLs expire although it does not change.
    assert client.get(f"/files/{file['id']}?signed=true", headers=headers).status == 200


@pytest.mark.parametrize("tag", ['"999"', "x", ""])
def test_file_that_the_client_does_not_have_is_sent(client: Client, file: dict[str, Any], tag: str) -> None:
    assert client.get(f"/files/{file['id']}", headers={"if-none-match": tag}).data()["id"] == file["id"]


def test_file_that_is_hidden_or_missing_has_no_entity_tag(
    client: Client, stranger: Client, file: dict[str, Any]
) -> None:
    headers = {"if-none-match": "*", "if-match": etag_of(client, file)}

    assert stranger.get(f"/files/{file['id']}", headers=headers).status == 404
    assert rename(stranger, file, "other.txt", **headers).status == 404


@pytest.mark.parametrize("form", ["{tag}", '"0-x", {tag}', "*"])
def test_matching_tag_renames_the_file(client: Client, file: dict[str, Any], form: str) -> None:
    tag = etag_of(client, file)

    assert rename(client, file, "other.txt", **{"if-match": form.format(tag=tag)}).data()["name"] == "other.txt"


@pytest.mark.parametrize("form", ["W/{tag}", '"999"', "x", "", "{tag}x"])
def test_other_tag_changes_nothing(client: Client, file: dict[str, Any], form: str) -> None:
    refused = rename(client, file, "other.txt", **{"if-match": form.format(tag=etag_of(client, file))})

    assert (refused.status, refused.problem()["code"]) == (412, "precondition_failed")
    assert client.get(f"/files/{file['id']}").data()["name"] == "notes.txt"


def test_of_two_renames_with_one_tag_the_second_is_refused(client: Client, file: dict[str, Any]) -> None:
    tag = etag_of(client, file)

    with interleave(
        "TransactWriteItems", lambda: files.rename(make_caller(client), file["id"], "faster.txt", lambda _: None)
    ):
        slower = rename(client, file, "slower.txt", **{"if-match": tag})
    assert slower.status == 412
    assert client.get(f"/files/{file['id']}").data()["name"] == "faster.txt"


def test_rename_that_races_a_new_version_keeps_both(client: Client, file: dict[str, Any], fake_aws: FakeAws) -> None:
    with interleave(
        "TransactWriteItems",
        lambda: files.rename(make_caller(client), file["id"], "faster.txt", lambda _: None),
    ):
        fake_aws.upload(client, b"second", **TEXT_FILE, fileId=file["id"])

    current = client.get(f"/files/{file['id']}").data()
    assert (current["name"], current["version"]) == ("faster.txt", 2)


def test_file_in_the_trash_is_not_renamed(client: Client, file: dict[str, Any]) -> None:
    client.delete(f"/files/{file['id']}").data()

    assert rename(client, file, "other.txt").problem()["code"] == "wrong_state"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\Windows\\\\win.ini", "win.ini"),
        ("a\r\nSet-Cookie: b=c", "aSet-Cookie: b=c"),
        ('a"; filename="b.exe', 'a"; filename="b.exe'),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("\u00e9" * 127 + ".", "\u00e9" * 127 + "."),  # 255 bytes
        ("\U0001f600" * 255, "\U0001f600" * 255),  # 255 characters
        ("%2e%2e%2f${jndi:ldap:x}'--<b>", "%2e%2e%2f${jndi:ldap:x}'--<b>"),
        ("CON", "CON"),
    ],
)
def test_any_name_is_stored_listed_and_sent(client: Client, file: dict[str, Any], sent: str, stored: str) -> None:
    assert rename(client, file, sent).data()["name"] == stored

    for query in ("", "sort=name", f"prefix={quote(stored[:100])}"):
        assert [each["name"] for each in client.get(f"/files?{query}").data()] == [stored]
    location = client.get(f"/files/{file['id']}/download").headers["location"]
    assert location.isascii()
    (disposition,) = parse_qs(urlsplit(location).query)["response-content-disposition"]
    assert disposition == content_disposition("attachment", stored)


def test_lone_surrogate_is_no_name(client: Client, file: dict[str, Any]) -> None:
    body = b'{"name": "a\\ud800.txt"}'
    refused = client.request("PATCH", f"/files/{file['id']}", raw=body)

    assert (refused.status, refused.problem()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("name", ["", " ", "\n", "/", "..", "x" * 256])
def test_bad_name_is_refused(client: Client, file: dict[str, Any], name: str) -> None:
    refused = rename(client, file, name)

    assert (refused.status, refused.problem()["errors"][0]["pointer"]) == (422, "/name")


def test_download_is_the_original_as_an_attachment(client: Client, file: dict[str, Any]) -> None:
    rename(client, file, 'a "b".txt').data()

    response = client.get(f"/files/{file['id']}/download")
    assert response.status == 302
    assert "response-content-disposition=attachment" in response.headers["location"]
