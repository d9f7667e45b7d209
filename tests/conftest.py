"""The environment of all suites, and the seconds that each of them takes."""

import os
from collections import defaultdict

import moto.core  # noqa: F401  # moto answers the clients of sessions that begin after its import
import pytest

from tests.support.settings import SETTINGS

os.environ.update(SETTINGS)
for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seconds of each suite: the sum of the durations of its tests, which may run at the same time."""
    seconds: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid.split("/")[1]] += report.duration
    for suite, duration in seconds.items():
        terminalreporter.write_line(f"{suite}: {duration:.0f} s")
