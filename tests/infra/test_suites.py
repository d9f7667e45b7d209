"""`make test`: the runner of the suites."""

import os
from pathlib import Path

import pytest

from infra.local import suites
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


def test_failed_tests_are_shown_again_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import logging\ndef test_one_and_one():\n    logging.error('no sum')\n    assert 1 + 1 == 3\n"
    (tmp_path / "test_sums.py").write_text(code)

    runner = Runner(os.environ)

    runner.run("sums", "pytest", "--quiet", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path))
    capsys.readouterr()
    suites.print_summary(runner, seconds=1)

    assert len(runner.failures) == 1  # not the line of the log
    last_line = capsys.readouterr().out.splitlines()[-1]
    assert last_line.startswith("FAILED")
    assert "test_one_and_one - " in last_line
