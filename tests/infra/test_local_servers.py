"""The servers at the desk: found by our own record, and nobody else's touched."""

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
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
_SIGTERM_IGNORER = [sys.executable, "-c", _IGNORE_SIGTERM_SCRIPT]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    made = Process(tmp_path / "process.json", tmp_path / "log.txt")
    yield made
    if made.record_file.is_file() and made.running_port() is not None:
        os.kill(json.loads(made.record_file.read_text())["pid"], 9)


def test_what_was_started_is_known_and_ends(process: Process) -> None:
    process.start(_SLEEPER, port=4711, environment={})

    assert process.running_port() == 4711
    assert process.stop()
    assert process.running_port() is None
    assert not process.record_file.exists()
    assert not process.stop()


def test_another_program_with_our_old_pid_is_left_alone(process: Process) -> None:
    with subprocess.Popen(_SLEEPER) as stranger:
        process.record_file.write_text(json.dumps({"pid": stranger.pid, "start_time": "long ago", "port": 4711}))

        assert process.crashed()
        assert not process.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_one_that_was_killed_is_known_to_be_left_behind(process: Process) -> None:
    process.start(_SLEEPER, port=4711, environment={})
    os.kill(json.loads(process.record_file.read_text())["pid"], 9)
    time.sleep(0.2)

    assert process.crashed()
    assert process.running_port() is None


def test_one_that_will_not_end_is_reported(process: Process) -> None:
    process.start(_SIGTERM_IGNORER, port=4711, environment={})
    while "deaf" not in process.log_tail():
        time.sleep(0.02)

    with pytest.raises(UserError, match="asked to end"):
        process.stop(timeout=0.3)
    assert process.running_port() == 4711


def test_a_half_written_record_is_no_process(process: Process) -> None:
    process.record_file.write_text('{"pid": 1')

    assert process.running_port() is None
    assert not process.stop()


def test_a_taken_port_is_refused_with_what_to_do() -> None:
    with socket.socket() as other:
        other.bind((HOST, find_free_port()))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(UserError, match=rf"port {port}.*HOLDALL_PORT={port + 1}"):
            require_free_port(port, "The local cloud", "HOLDALL_PORT")


@pytest.mark.parametrize("port", ["80", "65536", "abc", "-1"])
def test_a_port_that_is_none_is_refused(port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDALL_PORT", port)

    with pytest.raises(UserError, match="HOLDALL_PORT must be a port"):
        LocalEnvironment(tmp_path)


def test_servers_get_ports_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDALL_PORT", "4600")
    monkeypatch.delenv("HOLDALL_MINIO_PORT", raising=False)

    house = LocalEnvironment(tmp_path)

    assert (house.cloud.port, house.minio.port) == (4600, 9000)
    assert house.cloud.endpoint == "http://127.0.0.1:4600"


def test_a_cloud_stays_on_the_port_that_it_was_made_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The addresses of its queues hold the port: on another one no message would ever be delivered.
    (tmp_path / ".local" / "cloud" / "state").mkdir(parents=True)
    (tmp_path / ".local" / "cloud" / "state" / "cloudformation.json").write_text("{}")
    (tmp_path / ".local" / "cloud" / "port").write_text("4711")
    monkeypatch.delenv("HOLDALL_PORT", raising=False)
    assert LocalEnvironment(tmp_path).cloud.port == 4711

    monkeypatch.setenv("HOLDALL_PORT", "4712")
    with pytest.raises(UserError, match="made on port 4711"):
        LocalEnvironment(tmp_path).cloud.start()
