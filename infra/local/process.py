"""A server that we started, known by a record of ours: a pid alone may be another program's by now."""

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
    """`record` holds what we started, `log` what it said."""

    record_file: Path
    log_file: Path

    def start(self, command: Sequence[str], *, port: int, environment: Mapping[str, str]) -> None:
        """Start it, detached from this terminal."""
        self.record_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("wb") as log:
            started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )
        known = _ProcessRecord(started.pid, _start_time(started.pid), port)
        self.record_file.write_text(json.dumps(dataclasses.asdict(known)))

    def running_port(self) -> int | None:
        """The port that it was started on, or None when it does not run."""
        known = self._read_record()
        return known.port if known and self._is_alive(known) else None

    def crashed(self) -> bool:
        """Whether it ended without `stop`: killed, or the machine went down."""
        known = self._read_record()
        return known is not None and not self._is_alive(known)

    def stop(self, timeout: float = 40) -> bool:
        """Ask it to end and wait until it has; False when it did not run. Raises Trouble when it does not end."""
        known = self._read_record()
        if known is None:
            return False
        if not self._is_alive(known):
            self.record_file.unlink()
            return False
        os.kill(known.pid, signal.SIGTERM)
        end = time.monotonic() + timeout
        while self._is_alive(known):
            if time.monotonic() > end:
                raise UserError(
                    f"Process {known.pid} was asked to end and has not in {timeout:.0f} s. See {self.log_file}."
                )
            time.sleep(0.05)
        self.record_file.unlink()
        return True

    def log_tail(self) -> str:
        """The end of its log."""
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
    """One that answers on 127.0.0.1. `directory` keeps its record, its log, and what it stores."""

    name: ClassVar[str]
    directory: Path
    port: int
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        self.process = Process(self.directory / "process.json", self.directory / "log.txt")

    def stop(self) -> bool:
        """End it and wait until it has ended; False when it did not run. Raises Trouble."""
        return self.process.stop()

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it is ready."""

    def is_running(self) -> bool:
        """Whether it runs where it should. Raises Trouble when it runs on another port."""
        running = self.process.running_port()
        if running not in (None, self.port):
            raise UserError(f"On port {running} runs {self.name} already. First: make down")
        return running is not None

    def launch(self, command: Sequence[str], environment: Mapping[str, str], *, timeout: float) -> None:
        """Start it, and wait for so many seconds until it answers. Raises Trouble."""
        with Step(f"Starting {self.name}"):
            self.process.start(command, port=self.port, environment=environment)
            wait_until(self._is_ready_or_raise, timeout, self._start_error)

    def _is_ready_or_raise(self) -> bool:
        if self.process.running_port() is None:
            raise self._start_error()
        return self.is_ready()

    def _start_error(self) -> UserError:
        return UserError(f"Could not start {self.name}. It said:\n{self.process.log_tail()}")


def bypass_proxy() -> None:
    """Keep what we ask of this machine from a proxy that the shell may name."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [HOST, "localhost", os.environ.get(name)]))


def require_free_port(port: int, program: str, variable: str) -> None:
    """Raise Trouble when another program has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"{program} needs port {port}, and another program has it. End that program, or take another port: "
                f"{variable}={port + 1} make …"
            ) from error


def find_free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _start_time(pid: int) -> str:
    """When a process was born, as its system tells it; "" when it has ended."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # a child of ours that has ended would go on as a zombie
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            state, *fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if state in ("Z", "X") else fields[18]  # field 22 of the line: ticks since the machine started
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip()
