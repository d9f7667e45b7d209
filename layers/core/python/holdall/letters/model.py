"""The letters that Holdall writes: what each says, in words that a person would send."""

import html
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Why somebody gets a letter."""

    VERIFY = "verify"
    KNOWN = "known"  # somebody signed up with an address that has an account
    RESET = "reset"
    EMAIL_CHANGE = "email-change"
    INVITATION = "invitation"
    JOIN = "join"  # a project
    CHANGED = "changed"  # something that guards the account was changed
    NOBODY = "nobody"  # to an address without an account: dropped, so that time tells nothing


@dataclass(frozen=True)
class Letter:
    """One letter on its way. `detail` is the secret of a link, or what was changed; `name` whose, or who wants something."""

    id: str
    kind: Kind
    to: str
    name: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Written:
    """A letter as it is sent."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class _Draft:
    subject: str
    lines: tuple[str, ...]  # before the link
    path: str = ""  # of the console; the secret follows behind "#", which no server is ever sent
    action: str = ""
    close: str = ""


_IGNORE = "If this was not you, do nothing: without this link nothing happens."
_DRAFTS = {
    Kind.VERIFY: _Draft(
        "Confirm your address",
        ("somebody, most likely you, wants to open an account with this address.",),
        "verify-email",
        "Confirm the address",
        f"You will be asked for the password that you chose. The link works for 24 hours. {_IGNORE}",
    ),
    Kind.KNOWN: _Draft(
        "You have an account already",
        (
            "somebody, most likely you, wanted to open an account with this address. There is one already.",
            "Sign in with your password, or ask for a new one if you forgot it.",
        ),
        "sign-in",
        "Sign in",
        "If this was not you, do nothing: your account stays as it is.",
    ),
    Kind.RESET: _Draft(
        "Choose a new password",
        ("somebody, most likely you, asked for a new password.",),
        "reset-password",
        "Choose a new password",
        f"The link works for one hour. {_IGNORE}",
    ),
    Kind.EMAIL_CHANGE: _Draft(
        "Confirm your new address",
        ("you asked to use this address for your account from now on.",),
        "confirm-email",
        "Use this address",
        f"The link works for 24 hours. {_IGNORE}",
    ),
    Kind.INVITATION: _Draft(
        "You are invited",
        ("an account was prepared for you.",),
        "accept-invitation",
        "Accept the invitation",
        "The link works for seven days. If you expected no invitation, do nothing.",
    ),
    Kind.JOIN: _Draft(
        "You are asked to join a project",
        ("{name} asks you to join a project.",),
        "join",
        "Join the project",
        "You will be asked to sign in with this address. The link works for seven days. If you expected nothing, do nothing.",
    ),
    Kind.CHANGED: _Draft(
        "Your account was changed",
        ("this was changed on your account: {detail}.",),
        "",
        "",
        "If this was not you, ask for a new password at once, and tell the operator.",
    ),
}


def write(letter: Letter, public_url: str) -> Written:
    """The words of a letter. Raises KeyError for a kind that is never sent."""
    draft = _DRAFTS[letter.kind]
    lines = [line.format(detail=letter.detail, name=letter.name) for line in draft.lines]
    # A letter that tells of somebody else's name greets nobody by it.
    greeted = letter.name and not any("{name}" in line for line in draft.lines)
    hello = f"Hello {letter.name}," if greeted else "Hello,"
    link = ""
    if draft.path:
        secret = f"#{letter.detail}" if letter.detail else ""
        link = f"{public_url}/{draft.path}{secret}"
    text = "\n\n".join(part for part in (hello, *lines, link, draft.close, "Holdall") if part)
    return Written(draft.subject, text + "\n", _page(draft, hello, lines, link))


def _page(draft: _Draft, hello: str, lines: list[str], link: str) -> str:
    paragraphs = [f"<p>{html.escape(line)}</p>" for line in (hello, *lines)]
    if link:
        address = html.escape(link, quote=True)
        style = "background:#0b6e75;color:#fff;padding:10px 18px;border-radius:6px;text-decoration:none"
        paragraphs.append(f'<p><a href="{address}" style="{style}">{html.escape(draft.action)}</a></p>')
        paragraphs.append(f'<p style="color:#666;font-size:13px">Or open: {address}</p>')
    paragraphs.append(f'<p style="color:#666;font-size:13px">{html.escape(draft.close)}</p>')
    font = "font-family:system-ui,sans-serif;font-size:16px;line-height:1.5;color:#16323a"
    return f'<div style="{font};max-width:34em;margin:auto;padding:16px">{"".join(paragraphs)}<p>Holdall</p></div>'
