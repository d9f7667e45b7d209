"""Progress on the terminal: a line for each step, with its time. Imports the standard library only, as `install` does."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

_CLEAR_LINE = "\r\x1b[2K"  # erases the line and goes back to its start


class UserError(Exception):
    """The command cannot continue. The message says why, and what the user can do."""


class Step:
    """A step of a command: one line with its title and duration. On a terminal, the duration is updated."""

    def __init__(self, title: str) -> None:
        self._title = f"  {title:<52}"
        self._note = ""
        self._started_at = time.monotonic()
        self._is_terminal = sys.stdout.isatty()
        self._done = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def note(self, text: str) -> None:
        """Show a note after the duration, on a terminal only."""
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
    """Exit with status 1 and the message of a UserError, without a traceback."""
    try:
        yield
    except UserError as error:
        sys.stderr.write(f"\n{error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run the command again to continue.\n")
        sys.exit(130)


def echo(text: str = "") -> None:
    """Print a line."""
    _write(f"{text}\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
