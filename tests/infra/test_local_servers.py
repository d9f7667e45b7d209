"""Server processes: start, lookup by the saved record, and stop. Other processes are not affected."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.environment import LocalEnvironment
from infra.local.process import HOST, Process, find_free_port, require_free_port
from infra.local.progress import UserError

_SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
_IGNORE_SIGTERM_SCRIPT = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)
_SIGTERM_IGNORER = [sys.executable, "-c", _IGNORE_SIGTERM_SCRIPT]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path / "process.json", tmp_path / "log.txt")
    yield process
    if process.record_file.is_file() and process.running_port() is not None:
        os.kill(json.loads(process.record_file.read_text())["pid"], 9)


def test_started_process_is_recorded_and_can_be_stopped(process: Process) -> None:
    process.start(_SLEEPER, port=4711, environment={})

    assert process.running_port() == 4711
    assert process.stop()
    assert process.running_port() is None
    assert not process.record_file.exists()
    assert not process.stop()


def test_another_process_with_the_recorded_pid_is_not_stopped(process: Process) -> None:
    with subprocess.Popen(_SLEEPER) as other:
        process.record_file.write_text(json.dumps({"pid": other.pid, "start_time": "long ago", "port": 4711}))

        assert process.crashed()
        assert not process.stop()
        assert other.poll() is None
        other.kill()


def test_killed_process_is_reported_as_crashed(process: Process) -> None:
    process.start(_SLEEPER, port=4711, environment={})
    os.kill(json.loads(process.record_file.read_text())["pid"], 9)
    time.sleep(0.2)

    assert process.crashed()
    assert process.running_port() is None


def test_process_that_ignores_sigterm_is_reported(process: Process) -> None:
    process.start(_SIGTERM_IGNORER, port=4711, environment={})
    while "ready" not in process.log_tail():
        time.sleep(0.02)

    with pytest.raises(UserError, match="did not end within 0 s of SIGTERM"):
        process.stop(timeout=0.3)
    assert process.running_port() == 4711


def test_incomplete_record_means_no_process(process: Process) -> None:
    process.record_file.write_text('{"pid": 1')

    assert process.running_port() is None
    assert not process.stop()


def test_port_in_use_is_reported_with_a_solution() -> None:
    with socket.socket() as other:
        other.bind((HOST, find_free_port()))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(UserError, match=rf"port {port}.*HOLDALL_PORT={port + 1}"):
            require_free_port(port, "The local cloud", "HOLDALL_PORT")


@pytest.mark.parametrize("port", ["80", "65536", "abc", "-1"])
def test_invalid_port_is_rejected(port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDALL_PORT", port)

    with pytest.raises(UserError, match="HOLDALL_PORT must be a port"):
        LocalEnvironment(tmp_path)


def test_port_variables_set_one_server_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDALL_PORT", "4600")
    monkeypatch.delenv("HOLDALL_MINIO_PORT", raising=False)

    local = LocalEnvironment(tmp_path)

    assert (local.cloud.port, local.minio.port) == (4600, 9000)
    assert local.cloud.endpoint == "http://127.0.0.1:4600"


def test_saved_local_cloud_keeps_its_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The port is part of the URLs of the queues. On another port, no message would be delivered.
    (tmp_path / ".local" / "cloud" / "state").mkdir(parents=True)
    (tmp_path / ".local" / "cloud" / "state" / "cloudformation.json").write_text("{}")
    (tmp_path / ".local" / "cloud" / "port").write_text("4711")
    monkeypatch.delenv("HOLDALL_PORT", raising=False)
    assert LocalEnvironment(tmp_path).cloud.port == 4711

    monkeypatch.setenv("HOLDALL_PORT", "4712")
    with pytest.raises(UserError, match="created on port 4711"):
        LocalEnvironment(tmp_path).cloud.start()
