"""`make test`: the runner of the suites."""

import os

import pytest

from infra.local.progress import UserError
from infra.local.suites import Runner, run_suites


def test_unknown_suite_is_rejected_with_the_names_of_the_suites() -> None:
    with pytest.raises(
        UserError, match="no suite integration, only: unit, api, infra, architecture, scale, e2e, browser"
    ):
        run_suites(["integration"], long=False)


def test_failed_run_is_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    runner = Runner(os.environ)

    runner.run("works", "calendar", "2026", "11")
    runner.run("fails", "calendar", "2026", "13")

    assert runner.failed == ["fails"]
    assert list(runner.seconds) == ["works", "fails"]
    assert "works      |    November 2026" in capsys.readouterr().out
