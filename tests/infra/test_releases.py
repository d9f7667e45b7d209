"""Releases: the alias `previous`, the return to it, and the deletion of old versions, with moto's Lambda."""

import io
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from infra.releases import LIVE, PREVIOUS, Releases

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_OUTPUTS = {"AuthFunction": "auth:live", "FilesFunction": "files:live", "ConsoleUrl": "https://example.com/"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator["LambdaClient"]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("lambda", region_name="us-east-1")
        for function in ("auth", "files"):
            client.create_function(
                FunctionName=function,
                Role=_create_role(),
                Runtime="python3.14",
                Handler="handler",
                Code={"ZipFile": _code("release 1")},
                Publish=True,
            )
            client.create_alias(FunctionName=function, Name=LIVE, FunctionVersion="1")
        yield client
        for function in ("auth", "files"):  # another suite in this process may have started the same AWS
            client.delete_function(FunctionName=function)


@pytest.fixture
def releases(client: "LambdaClient") -> Releases:
    return Releases.of_stack(client, _OUTPUTS)


def test_previous_names_what_was_live_before_a_deployment_that_changed_something(
    client: "LambdaClient", releases: Releases
) -> None:
    _deploy(client, releases, "release 2", "auth", "files")
    _deploy(client, releases, "release 3", "auth")

    assert _aliases(client, "auth") == {LIVE: "3", PREVIOUS: "2"}
    assert _aliases(client, "files") == {LIVE: "2", PREVIOUS: "2"}


def test_deployment_without_a_change_leaves_the_way_back(client: "LambdaClient", releases: Releases) -> None:
    _deploy(client, releases, "release 2", "auth", "files")

    releases.complete(releases.live_versions())

    assert _aliases(client, "auth") == {LIVE: "2", PREVIOUS: "1"}


def test_first_deployment_has_nothing_to_go_back_to(client: "LambdaClient", releases: Releases) -> None:
    releases.complete({})

    assert _aliases(client, "auth") == {LIVE: "1"}
    assert releases.roll_back() == {}


def test_second_roll_back_undoes_the_first(client: "LambdaClient", releases: Releases) -> None:
    _deploy(client, releases, "release 2", "auth")

    assert releases.roll_back() == {"auth": ("2", "1")}
    assert _aliases(client, "auth") == {LIVE: "1", PREVIOUS: "2"}
    assert releases.roll_back() == {"auth": ("1", "2")}


def test_three_versions_are_kept_and_those_that_an_alias_names(client: "LambdaClient", releases: Releases) -> None:
    for number in range(2, 9):
        client.update_function_code(FunctionName="auth", ZipFile=_code(f"release {number}"), Publish=True)
    client.update_alias(FunctionName="auth", Name=LIVE, FunctionVersion="4")

    releases.complete({"auth": "2"})

    assert _versions(client, "auth") == ["2", "4", "6", "7", "8"]
    assert _versions(client, "files") == ["1"]


def _deploy(client: "LambdaClient", releases: Releases, code: str, *functions: str) -> None:
    before = releases.live_versions()
    for function in functions:
        version = client.update_function_code(FunctionName=function, ZipFile=_code(code), Publish=True)["Version"]
        client.update_alias(FunctionName=function, Name=LIVE, FunctionVersion=version)
    releases.complete(before)


def _aliases(client: "LambdaClient", function: str) -> dict[str, str]:
    return {each["Name"]: each["FunctionVersion"] for each in client.list_aliases(FunctionName=function)["Aliases"]}


def _versions(client: "LambdaClient", function: str) -> list[str]:
    versions = client.list_versions_by_function(FunctionName=function)["Versions"]
    return [each["Version"] for each in versions if each["Version"] != "$LATEST"]


def _create_role() -> str:
    iam = boto3.client("iam", region_name="us-east-1")
    name = f"role-{len(iam.list_roles()['Roles'])}"
    return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"])


def _code(text: str) -> bytes:
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w") as package:
            package.writestr("handler.py", text)
        return buffer.getvalue()
