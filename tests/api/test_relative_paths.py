"""The path of a file in the folder that its user uploaded."""

from typing import Any

import pytest

from tests.support.aws import FakeAws
from tests.support.client import Client
from tests.support.uploads import TEXT_FILE, init_upload

_PATH = "Prague/old town/map.txt"


def test_file_keeps_its_path_when_it_gets_a_version(client: Client, fake_aws: FakeAws) -> None:
    file = fake_aws.upload(client, b"content", **TEXT_FILE, relativePath=_PATH)["file"]
    assert file["relativePath"] == _PATH

    fake_aws.upload(client, b"another", **TEXT_FILE, fileId=file["id"], relativePath="elsewhere/map.txt")

    (listed,) = client.get("/files").data()
    assert (listed["version"], listed["relativePath"]) == (2, _PATH)


@pytest.mark.parametrize("path", [{}, {"relativePath": None}, {"relativePath": ""}, {"relativePath": "../.."}])
def test_file_outside_a_folder_has_no_path(path: dict[str, Any], client: Client, fake_aws: FakeAws) -> None:
    assert fake_aws.upload(client, b"content", **TEXT_FILE, **path)["file"]["relativePath"] is None


def test_path_cannot_lead_out_of_its_folder(client: Client, fake_aws: FakeAws) -> None:
    file = fake_aws.upload(client, b"content", **TEXT_FILE, relativePath="/../Prague/..\\map\u202e.txt")["file"]

    assert file["relativePath"] == "Prague/map.txt"


def test_path_of_1025_characters_is_rejected(client: Client) -> None:
    init_upload(client, relativePath="x" * 1024)
    response = client.post("/files/init-upload", {"size": 1, **TEXT_FILE, "relativePath": "x" * 1025})

    assert (response.status, response.problem()["errors"][0]["pointer"]) == (422, "/relativePath")
