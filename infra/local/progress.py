"""What a person sees while waiting: a line per step, with its time. Runs before anything is installed."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

_CLEAR_LINE = "\r\x1b[2K"  # back to the start of the line, which is emptied


class UserError(Exception):
    """It cannot go on. The message says what is wrong and what to do."""


class Step:
    """One line: what is done, and how long it took. At a terminal the seconds run."""

    def __init__(self, title: str) -> None:
        self._title = f"  {title:<52}"
        self._note = ""
        self._started_at = time.monotonic()
        self._is_terminal = sys.stdout.isatty()
        self._done = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def note(self, text: str) -> None:
        """Say how far it is; shown at a terminal only."""
        self._note = text

    def __enter__(self) -> Self:
        _write(self._title)
        if self._is_terminal:
            self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._is_terminal:
            self._ticker.join()
        start = f"{_CLEAR_LINE}{self._title}" if self._is_terminal else ""
        _write(f"{start}{self._seconds()}{'' if kind is None else '  failed'}\n")

    def _tick(self) -> None:
        while not self._done.wait(0.2):
            _write(f"{_CLEAR_LINE}{self._title}{self._seconds()}  {self._note}")

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._started_at:6.1f} s"


@contextmanager
def exit_on_user_error() -> Iterator[None]:
    """Turn trouble into its sentence and exit status 1, without a traceback."""
    try:
        yield
    except UserError as trouble:
        sys.stderr.write(f"\n{trouble}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Say it again to go on from here.\n")
        sys.exit(130)


def echo(text: str = "") -> None:
    """A line for the person."""
    _write(f"{text}\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
