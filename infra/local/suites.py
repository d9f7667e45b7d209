"""`make test`: runs the test suites, prints their output line by line, then the failed tests and the time of each run.

There are three kinds of suites. Those in process use all cores, and take longest. Beside them run `scale`, which has a
DynamoDB Local, and the deployment of the local cloud, which the deployed suites need afterwards.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from infra.local import e2e_environment
from infra.local.install import ROOT, node_environment
from infra.local.progress import UserError, echo

_IN_PROCESS, _SCALE, _DEPLOYED = ("unit", "api", "infra", "architecture"), ("scale",), ("e2e", "browser")
_SUITES = (*_IN_PROCESS, *_SCALE, *_DEPLOYED)
_NO_TESTS_COLLECTED = 5  # exit status of pytest
# Not by file: then pytest-xdist runs only one of several tests with the same ID, as Schemathesis creates them.
_DIST = "--dist=worksteal"
_DEPLOYED_PROCESSES = 2  # more would only wait for MiniStack, which has one
_FAILURE = re.compile(r"(FAILED|ERROR) \S")  # a line of pytest's summary; a line of a captured log has more spaces
_MAX_FAILURES = 20  # shown again at the end, where people look first
_LINE_LENGTH = "200"  # pytest cuts the reasons of failures at 80 characters otherwise
_LONG_ROUNDS = "20"  # of tests that repeat a race, whose default is lower


@dataclass
class Runner:
    """Runs commands, and remembers which of them succeeded and how long each took."""

    environment: Mapping[str, str]
    seconds: dict[str, float] = field(default_factory=dict)  # by title
    failed: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # lines of pytest's summaries

    def pytest(self, title: str, suites: Sequence[str], *options: str) -> None:
        """Run the tests of some suites."""
        if suites:
            status = self.run(title, "pytest", "--quiet", *options, *(str(ROOT / "tests" / suite) for suite in suites))
            if status == _NO_TESTS_COLLECTED and "-m" in options:  # no suite has a test with this marker
                self.failed.remove(title)

    def run(self, title: str, module: str, *arguments: str) -> int:
        """Run a Python module, and return its exit status. Print its output with the title, because others print too."""
        started_at = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-u", "-m", module, *arguments],
            cwd=ROOT,
            env={**self.environment, "COLUMNS": _LINE_LENGTH},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                echo(f"{title:<10} | {line.rstrip()}")
                if _FAILURE.match(line):
                    self.failures.append(line.rstrip())
        self.seconds[title] = time.monotonic() - started_at
        if process.returncode:
            self.failed.append(title)
        return process.returncode


def run_suites(suites: Sequence[str], *, long: bool) -> int:
    """Run these suites, or all of them. Return the exit status. Raises UserError for an unknown suite."""
    unknown = set(suites) - set(_SUITES)
    if unknown:
        raise UserError(f"There is no suite {', '.join(sorted(unknown))}, only: {', '.join(_SUITES)}.")
    in_process, scale, deployed = (
        [suite for suite in kind if suite in (suites or _SUITES)] for kind in (_IN_PROCESS, _SCALE, _DEPLOYED)
    )
    started_at = time.monotonic()
    rounds = {"HOLDALL_RACE_ROUNDS": _LONG_ROUNDS} if long else {}
    runner = Runner({**os.environ, **node_environment(), **rounds})
    try:
        with ThreadPoolExecutor() as pool:
            lanes = (
                pool.submit(runner.pytest, "in-process", in_process, f"-n{os.cpu_count() or 1}", _DIST),
                pool.submit(_run_scale_and_deploy, runner, scale, deployed),
            )
        for lane in lanes:
            lane.result()
        if "deploy" not in runner.failed:
            # First the tests that can share the local cloud, and then those that need it for themselves.
            runner.pytest("deployed", deployed, f"-n{_DEPLOYED_PROCESSES}", _DIST, "-m", "not serial")
            runner.pytest("serial", deployed, "-vv", "-m", "serial")
    finally:
        if deployed:
            e2e_environment.stop()
    print_summary(runner, time.monotonic() - started_at)
    return 1 if runner.failed else 0


def _run_scale_and_deploy(runner: Runner, scale: Sequence[str], deployed: Sequence[str]) -> None:
    runner.pytest("scale", scale)
    if deployed:
        runner.run("deploy", "infra.local.e2e_environment")


def print_summary(runner: Runner, seconds: float) -> None:
    """Print the time of each run, and the tests that failed. `seconds` is the time of all."""
    echo()
    for title, duration in runner.seconds.items():
        echo(f"{title:<10} {duration:6.0f} s  {'FAILED' if title in runner.failed else 'passed'}")
    echo(f"{'total':<10} {seconds:6.0f} s")
    for failure in runner.failures[:_MAX_FAILURES]:
        echo(failure)
