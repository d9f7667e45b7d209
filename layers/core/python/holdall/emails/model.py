"""Emails to users. Each kind is a class with the fields that its text needs; `templates` holds the texts."""

import json
from dataclasses import dataclass
from typing import ClassVar, Self, get_args

from holdall.platform.messages import Message, QueueName


@dataclass(frozen=True)
class EmailVerification:
    """Asks for the confirmation of a sign-up. It contains no name, because a stranger may have chosen it."""

    kind: ClassVar = "email-verification"
    token: str


@dataclass(frozen=True)
class AccountExists:
    """Tells the owner of an account that someone signed up with its address again."""

    kind: ClassVar = "account-exists"
    name: str


@dataclass(frozen=True)
class PasswordReset:
    kind: ClassVar = "password-reset"
    name: str
    token: str


@dataclass(frozen=True)
class EmailChange:
    """Asks for the confirmation of a new address. It contains no name, because the address may be a stranger's."""

    kind: ClassVar = "email-change"
    token: str


@dataclass(frozen=True)
class AccountInvitation:
    kind: ClassVar = "account-invitation"
    token: str


@dataclass(frozen=True)
class ProjectInvitation:
    """Names the inviter by email address only: any other words of the inviter could mislead the recipient."""

    kind: ClassVar = "project-invitation"
    inviter: str
    token: str


@dataclass(frozen=True)
class SecurityNotice:
    """Tells the owner of an account about a change to it, in whole sentences."""

    kind: ClassVar = "security-notice"
    name: str
    change: str


@dataclass(frozen=True)
class Discard:
    """Is never sent. It takes the place of an email to an unknown address, so that response times reveal nothing."""

    kind: ClassVar = "discard"


EmailContent = (
    EmailVerification
    | AccountExists
    | PasswordReset
    | EmailChange
    | AccountInvitation
    | ProjectInvitation
    | SecurityNotice
    | Discard
)
_CONTENT_TYPES = {each.kind: each for each in get_args(EmailContent)}


@dataclass(frozen=True)
class Email(Message):
    """An email on its way. `id` appears in logs, and shows that two messages are the same email."""

    queue: ClassVar[QueueName] = "mail"
    id: str
    to: str
    content: EmailContent

    def to_json(self) -> str:
        return json.dumps({"id": self.id, "to": self.to, "kind": self.content.kind, **vars(self.content)})

    @classmethod
    def from_json(cls, body: str) -> Self:
        """Parse a message. Raises ValueError, KeyError and TypeError for an unknown shape."""
        fields = dict(json.loads(body))
        email_id, to, content_type = fields.pop("id"), fields.pop("to"), _CONTENT_TYPES[fields.pop("kind")]
        return cls(email_id, to, content_type(**fields))


@dataclass(frozen=True)
class RenderedEmail:
    subject: str
    text: str
    html: str
