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
class Email:
    """One letter as SES was given it."""

    sender: str
    to: str
    subject: str
    text: str
    html: str
    sent_at: datetime

    @classmethod
    def from_ministack(cls, message: dict[str, Any]) -> Self:
        """A letter as MiniStack tells it."""
        sent_at = datetime.fromtimestamp(message["Timestamp"], UTC)
        receivers = ", ".join(message["To"])
        return cls(message["Source"], receivers, message["Subject"], message["BodyText"], message["BodyHtml"], sent_at)

    @property
    def links(self) -> list[str]:
        """The addresses in it."""
        return _LINK.findall(self.text)


def fetch_emails(endpoint: str) -> list[Email]:
    """All letters of the cloud that answers there, newest last."""
    told = requests.get(f"{endpoint}/_ministack/ses/messages", timeout=10).json()["messages"]
    return sorted(
        (Email.from_ministack(one) for every in told.values() for one in every), key=lambda letter: letter.sent_at
    )


def format_emails(emails: Sequence[Email]) -> str:
    """Letters as a person reads them: the plain text, whose links a terminal opens."""
    return "\n".join(_format_email(letter) for letter in emails) or "No emails yet."


def _format_email(email: Email) -> str:
    head = f"── {email.sent_at.astimezone():%Y-%m-%d %H:%M:%S} ".ljust(_WIDTH, "─")
    text = "\n".join(f"  {line}".rstrip() for line in email.text.strip().splitlines())
    return f"{head}\nTo:       {email.to}\nSubject:  {email.subject}\n\n{text}\n"
