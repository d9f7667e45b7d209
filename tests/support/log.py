"""The log of a function."""

import io
import json
from typing import Any

import pytest


class CapturedLog:
    """The log lines, and other output."""

    def __init__(self, stream: io.StringIO, capture: pytest.CaptureFixture[str]) -> None:
        self._stream = stream
        self._capture = capture
        self._printed = ""

    @property
    def text(self) -> str:
        captured = self._capture.readouterr()
        self._printed += captured.out + captured.err
        return self._stream.getvalue() + self._printed

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    @property
    def request_lines(self) -> list[str]:
        return [line["message"] for line in self.lines if "route" in line]
