"""`make outbox`: the emails that the local cloud would have sent. MiniStack keeps them, and sends none."""

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
    """An email as it was passed to SES."""

    sender: str
    to: str
    subject: str
    text: str
    html: str
    sent_at: datetime

    @classmethod
    def from_ministack(cls, message: dict[str, Any]) -> Self:
        """Convert a message in MiniStack's format."""
        sent_at = datetime.fromtimestamp(message["Timestamp"], UTC)
        recipients = ", ".join(message["To"])
        return cls(message["Source"], recipients, message["Subject"], message["BodyText"], message["BodyHtml"], sent_at)

    @property
    def links(self) -> list[str]:
        """Return the URLs in the text."""
        return _LINK.findall(self.text)


def fetch_emails(endpoint: str) -> list[Email]:
    """Return all emails of the local cloud at this endpoint, newest last."""
    by_account = requests.get(f"{endpoint}/_ministack/ses/messages", timeout=10).json()["messages"]
    emails = (Email.from_ministack(message) for messages in by_account.values() for message in messages)
    return sorted(emails, key=lambda email: email.sent_at)


def format_emails(emails: Sequence[Email]) -> str:
    """Format emails for a terminal: the plain text, with clickable links."""
    return "\n".join(map(_format_email, emails)) or "No emails yet."


def _format_email(email: Email) -> str:
    head = f"── {email.sent_at.astimezone():%Y-%m-%d %H:%M:%S} ".ljust(_WIDTH, "─")
    text = "\n".join(f"  {line}".rstrip() for line in email.text.strip().splitlines())
    return f"{head}\nTo:       {email.to}\nSubject:  {email.subject}\n\n{text}\n"
