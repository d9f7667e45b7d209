"""`make mail`: the letters that Holdall sent here. None leaves this machine: MiniStack keeps what SES would send."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import requests

_LINK = re.compile(r"https?://\S+")
_WIDTH = 100


@dataclass(frozen=True)
class Letter:
    """One letter as SES was given it."""

    sender: str
    to: str
    subject: str
    text: str
    html: str
    sent_at: datetime

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """A letter as MiniStack tells it."""
        sent_at = datetime.fromtimestamp(told["Timestamp"], UTC)
        receivers = ", ".join(told["To"])
        return cls(told["Source"], receivers, told["Subject"], told["BodyText"], told["BodyHtml"], sent_at)

    @property
    def links(self) -> list[str]:
        """The addresses in it."""
        return _LINK.findall(self.text)


def sent(endpoint: str) -> list[Letter]:
    """All letters of the cloud that answers there, newest last."""
    told = requests.get(f"{endpoint}/_ministack/ses/messages", timeout=10).json()["messages"]
    return sorted((Letter.of(one) for every in told.values() for one in every), key=lambda letter: letter.sent_at)


def printed(letters: Sequence[Letter]) -> str:
    """Letters as a person reads them: the plain text, whose links a terminal opens."""
    return "\n".join(_page(letter) for letter in letters) or "No letters yet."


def _page(letter: Letter) -> str:
    head = f"── {letter.sent_at.astimezone():%Y-%m-%d %H:%M:%S} ".ljust(_WIDTH, "─")
    text = "\n".join(f"  {line}".rstrip() for line in letter.text.strip().splitlines())
    return f"{head}\nTo:       {letter.to}\nSubject:  {letter.subject}\n\n{text}\n"
