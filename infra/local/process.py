"""Server processes. A record with the start time identifies each, because the system may reuse its PID."""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from infra.local.progress import Step, UserError
from infra.local.waiting import wait_until

HOST = "127.0.0.1"


@dataclass(frozen=True)
class _ProcessRecord:
    pid: int
    start_time: str
    port: int


@dataclass(frozen=True)
class Process:
    """A process that outlives this one. `record_file` identifies it, `log_file` has its output."""

    record_file: Path
    log_file: Path

    def start(self, command: Sequence[str], *, port: int, environment: Mapping[str, str]) -> None:
        """Start the process, detached from the terminal."""
        self.record_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )
        record = _ProcessRecord(process.pid, _start_time(process.pid), port)
        self.record_file.write_text(json.dumps(dataclasses.asdict(record)))

    def running_port(self) -> int | None:
        """Return the port of the process, or None if it is not running."""
        record = self._read_record()
        return record.port if record and self._is_alive(record) else None

    def crashed(self) -> bool:
        """Return whether the process ended without `stop`: it was killed, or the machine went down."""
        record = self._read_record()
        return record is not None and not self._is_alive(record)

    def stop(self, timeout: float = 40) -> bool:
        """Stop the process with SIGTERM, and wait until it has ended. Return False if it was not running.

        Raises UserError after `timeout` seconds.
        """
        record = self._read_record()
        if record is None:
            return False
        if not self._is_alive(record):
            self.record_file.unlink()
            return False
        os.kill(record.pid, signal.SIGTERM)
        end = time.monotonic() + timeout
        while self._is_alive(record):
            if time.monotonic() > end:
                raise UserError(
                    f"Process {record.pid} did not end within {timeout:.0f} s of SIGTERM. See {self.log_file}."
                )
            time.sleep(0.05)
        self.record_file.unlink()
        return True

    def log_tail(self) -> str:
        """Return the end of the log."""
        return self.log_file.read_text(errors="replace")[-1500:].strip() if self.log_file.is_file() else ""

    def _read_record(self) -> _ProcessRecord | None:
        try:
            return _ProcessRecord(**json.loads(self.record_file.read_text()))
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def _is_alive(self, record: _ProcessRecord) -> bool:
        return record.start_time != "" and _start_time(record.pid) == record.start_time


@dataclass
class Server(ABC):
    """A server on 127.0.0.1. Its record, log and data are in `directory`."""

    name: ClassVar[str]
    directory: Path
    port: int
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        self.process = Process(self.directory / "process.json", self.directory / "log.txt")

    def stop(self) -> bool:
        """Stop the server, and wait until it has ended. Return False if it was not running. Raises UserError."""
        return self.process.stop()

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether the server responds."""

    def is_running(self) -> bool:
        """Return whether the server is running. Raises UserError if it is running on another port."""
        port = self.process.running_port()
        if port not in (None, self.port):
            raise UserError(f"{self.name} is already running on port {port}. Stop it first: make down")
        return port is not None

    def launch(self, command: Sequence[str], environment: Mapping[str, str], *, timeout: float) -> None:
        """Start the server, and wait up to `timeout` seconds until it is ready. Raises UserError."""
        with Step(f"Starting {self.name}"):
            self.process.start(command, port=self.port, environment=environment)
            wait_until(self._is_ready_or_raise, timeout, self._start_error)

    def _is_ready_or_raise(self) -> bool:
        if self.process.running_port() is None:
            raise self._start_error()
        return self.is_ready()

    def _start_error(self) -> UserError:
        return UserError(f"Could not start {self.name}. Its log ends with:\n{self.process.log_tail()}")


def bypass_proxy() -> None:
    """Exclude this machine from the proxy that the environment may set."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [HOST, "localhost", os.environ.get(name)]))


def require_free_port(port: int, program: str, variable: str) -> None:
    """Raise UserError if another program listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"{program} needs port {port}, and another program uses it. Stop that program, or use another port: "
                f"{variable}={port + 1} make …"
            ) from error


def find_free_port() -> int:
    """Return a port that no program uses at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _start_time(pid: int) -> str:
    """Return the start time of a process in the format of the system, or "" if it has ended."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # otherwise an ended child process would remain as a zombie
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            state, *fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if state in ("Z", "X") else fields[18]  # field 22: clock ticks since boot (man page proc_pid_stat)
    ps = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return ps.stdout.strip()
