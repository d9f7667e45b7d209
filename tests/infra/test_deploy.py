"""`make deploy`: what stops it, and what it does after the CDK."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from infra import deploy
from infra.build import packaging
from infra.local.progress import UserError
from infra.releases import Releases
from infra.stage import Stage

_CDK = "node_modules/.bin/cdk"


@pytest.fixture
def completed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Mapping[str, str]]]:
    """Return a list to which each completed release adds the versions that were live before. The account is empty."""
    found: list[Mapping[str, str]] = []
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(packaging, "require_python", lambda: "python3.14")
    monkeypatch.setattr(Releases, "complete", lambda _, before: found.append(before))
    with mock_aws():
        yield found


def test_deployment_without_lambdas_python_stops_before_anything_else(
    completed: list[Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def refuse() -> str:
        raise packaging.BuildFailed("Install python3.14.")

    monkeypatch.setattr(packaging, "require_python", refuse)
    monkeypatch.setattr(subprocess, "run", _cdk(0, commands))

    with pytest.raises(UserError, match=r"Install python3\.14\."):
        deploy.deploy(Stage.load("cloud"))
    assert (commands, completed) == ([], [])


@pytest.mark.parametrize(("status", "releases"), [(0, [{}]), (1, [])])
def test_release_is_complete_only_if_the_cdk_has_succeeded(
    completed: list[Mapping[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    releases: list[Mapping[str, str]],
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", _cdk(status, commands))

    assert deploy.deploy(Stage.load("cloud")) == status
    assert commands == [[_CDK, "--no-notices", "-c", "stage=cloud", "deploy"]]
    assert completed == releases


def _cdk(status: int, commands: list[list[str]]) -> Callable[..., Any]:
    """Return a stand-in for the CDK, which ends with a status."""

    def run(command: list[str], **_: Any) -> Any:
        commands.append(command)
        return SimpleNamespace(returncode=status)

    return run
