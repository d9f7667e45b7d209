"""Parts of a file: clients that send Range to the API send it again to S3, where the redirect leads them."""

import pytest

from tests.support.e2e.actions import create_project, upload_file
from tests.support.e2e.client import BASE_PATH, Client, Server, create_client, request_url

_CONTENT = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture(scope="module")
def owner(api_gateway: Server) -> Client:
    return create_client(api_gateway)


@pytest.fixture(scope="module")
def file_id(owner: Client) -> str:
    text = {"filename": "recording.bin", "contentType": "application/octet-stream"}
    return str(upload_file(owner, _CONTENT, projectId=create_project(owner), **text)["fileId"])


@pytest.mark.parametrize("route", ["content", "download", "versions/1/download"])
def test_part_of_a_file_comes_from_s3_behind_the_redirect(
    route: str, owner: Client, file_id: str, cloudfront: Server
) -> None:
    part = {"range": "bytes=1000-1003"}
    headers = {"authorization": f"Bearer {owner.access_token}", **part}

    redirect = cloudfront.request("GET", f"{BASE_PATH}/files/{file_id}/{route}", headers=headers)
    response = request_url(redirect.headers["location"], headers=part)

    assert (redirect.status, redirect.content) == (302, b"")
    assert (response.status, response.content) == (206, _CONTENT[1000:1004])
    assert response.headers["content-range"] == f"bytes 1000-1003/{len(_CONTENT)}"
    assert response.headers["content-disposition"] == 'attachment; filename="recording.bin"'


def test_download_that_broke_off_goes_on_where_it_ended(owner: Client, file_id: str) -> None:
    location = owner.get(f"/files/{file_id}/download").headers["location"]
    first = request_url(location, headers={"range": "bytes=0-699999"})

    # A later URL has another signature, and the same object with the same entity tag.
    location = owner.get(f"/files/{file_id}/download").headers["location"]
    rest = {"range": "bytes=700000-", "if-range": first.headers["etag"]}
    second = request_url(location, headers=rest)

    assert (first.status, second.status) == (206, 206)
    assert first.content + second.content == _CONTENT
