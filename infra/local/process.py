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

from infra.local.progress import Step, Trouble
from infra.local.waiting import until

HOST = "127.0.0.1"


@dataclass(frozen=True)
class _Known:
    pid: int
    birth: str
    port: int


@dataclass(frozen=True)
class Process:
    """`record` holds what we started, `log` what it said."""

    record: Path
    log: Path

    def start(self, command: Sequence[str], *, port: int, environment: Mapping[str, str]) -> None:
        """Start it, detached from this terminal."""
        self.record.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )
        known = _Known(started.pid, _birth(started.pid), port)
        self.record.write_text(json.dumps(dataclasses.asdict(known)))

    def port(self) -> int | None:
        """The port that it was started on, or None when it does not run."""
        known = self._known()
        return known.port if known and self._alive(known) else None

    def left_behind(self) -> bool:
        """Whether it ended without `stop`: killed, or the machine went down."""
        known = self._known()
        return known is not None and not self._alive(known)

    def stop(self, patience: float = 40) -> bool:
        """Ask it to end and wait until it has; False when it did not run. Raises Trouble when it does not end."""
        known = self._known()
        if known is None:
            return False
        if not self._alive(known):
            self.record.unlink()
            return False
        os.kill(known.pid, signal.SIGTERM)
        end = time.monotonic() + patience
        while self._alive(known):
            if time.monotonic() > end:
                raise Trouble(f"Process {known.pid} was asked to end and has not in {patience:.0f} s. See {self.log}.")
            time.sleep(0.05)
        self.record.unlink()
        return True

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-1500:].strip() if self.log.is_file() else ""

    def _known(self) -> _Known | None:
        try:
            return _Known(**json.loads(self.record.read_text()))
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def _alive(self, known: _Known) -> bool:
        return known.birth != "" and _birth(known.pid) == known.birth


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
    def answers(self) -> bool:
        """Whether it is ready."""

    def runs(self) -> bool:
        """Whether it runs where it should. Raises Trouble when it runs on another port."""
        running = self.process.port()
        if running not in (None, self.port):
            raise Trouble(f"On port {running} runs {self.name} already. First: make down")
        return running is not None

    def launch(self, command: Sequence[str], environment: Mapping[str, str], *, patience: float) -> None:
        """Start it, and wait for so many seconds until it answers. Raises Trouble."""
        with Step(f"Starting {self.name}"):
            self.process.start(command, port=self.port, environment=environment)
            until(self._answers_or_ended, patience, self._did_not_start)

    def _answers_or_ended(self) -> bool:
        if self.process.port() is None:
            raise self._did_not_start()
        return self.answers()

    def _did_not_start(self) -> Trouble:
        return Trouble(f"Could not start {self.name}. It said:\n{self.process.last_words()}")


def know_this_machine() -> None:
    """Keep what we ask of this machine from a proxy that the shell may name."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [HOST, "localhost", os.environ.get(name)]))


def refuse_if_taken(port: int, what: str, variable: str) -> None:
    """Raise Trouble when another program has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Trouble(
                f"{what} needs port {port}, and another program has it. End that program, or take another port: "
                f"{variable}={port + 1} make …"
            ) from error


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _birth(pid: int) -> str:
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
