"""The letters that Holdall writes: what each says, in words that a person would send."""

import html
from dataclasses import dataclass
from enum import StrEnum


class EmailKind(StrEnum):
    """Why somebody gets a letter."""

    EMAIL_VERIFICATION = "email-verification"
    ACCOUNT_EXISTS = "account-exists"  # somebody signed up with an address that has an account
    RESET = "reset"
    EMAIL_CHANGE = "email-change"
    ACCOUNT_INVITATION = "account-invitation"
    PROJECT_INVITATION = "project-invitation"  # a project
    SECURITY_NOTICE = "security-notice"  # something that guards the account was changed
    DISCARD = "discard"  # to an address without an account: dropped, so that time tells nothing


@dataclass(frozen=True)
class Email:
    """One letter on its way. `detail` is the secret of a link, or what was changed; `name` whose, or who wants something."""

    id: str
    kind: EmailKind
    to: str
    name: str = ""
    detail: str = ""


@dataclass(frozen=True)
class RenderedEmail:
    """A letter as it is sent."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class _Template:
    subject: str
    paragraphs: tuple[str, ...]  # before the link
    console_path: str = ""  # of the console; the secret follows behind "#", which no server is ever sent
    link_text: str = ""
    footer: str = ""


_IGNORE_IF_NOT_YOU = "If this was not you, ignore this email: nothing happens without the link."
_TEMPLATES = {
    EmailKind.EMAIL_VERIFICATION: _Template(
        "Confirm your email address",
        ("Someone, most likely you, signed up for Holdall with this email address.",),
        "verify-email",
        "Confirm email address",
        f"You will be asked for the password that you chose. The link expires after 24 hours. {_IGNORE_IF_NOT_YOU}",
    ),
    EmailKind.ACCOUNT_EXISTS: _Template(
        "You already have an account",
        (
            "Someone, most likely you, tried to sign up for Holdall with this email address, but it already has an account.",
            "Sign in with your password, or reset it if you forgot it.",
        ),
        "sign-in",
        "Sign in",
        "If this was not you, ignore this email: your account has not changed.",
    ),
    EmailKind.RESET: _Template(
        "Reset your password",
        ("Someone, most likely you, asked Holdall to reset your password.",),
        "reset-password",
        "Reset your password",
        f"The link expires after one hour. {_IGNORE_IF_NOT_YOU}",
    ),
    EmailKind.EMAIL_CHANGE: _Template(
        "Confirm your new email address",
        ("You asked Holdall to use this email address for your account.",),
        "confirm-email",
        "Confirm email address",
        f"The link expires after 24 hours. {_IGNORE_IF_NOT_YOU}",
    ),
    EmailKind.ACCOUNT_INVITATION: _Template(
        "You are invited to Holdall",
        ("An administrator of Holdall created an account for you.",),
        "accept-invitation",
        "Accept invitation",
        "The link expires after seven days. If you did not expect this invitation, ignore this email.",
    ),
    EmailKind.PROJECT_INVITATION: _Template(
        "You are invited to a project",
        ("{name} invited you to a project in Holdall.",),
        "join",
        "Join project",
        "Sign in with this email address to join. The link expires after seven days. If you did not expect this invitation, ignore this email.",
    ),
    EmailKind.SECURITY_NOTICE: _Template(
        "Security notice: your account was changed",
        ("Your Holdall account was changed: {detail}.",),
        "",
        "",
        "If this was not you, reset your password immediately and contact the operator of this installation.",
    ),
}


def render(email: Email, public_url: str) -> RenderedEmail:
    """The words of a letter. Raises KeyError for a kind that is never sent."""
    draft = _TEMPLATES[email.kind]
    lines = [line.format(detail=email.detail, name=email.name) for line in draft.paragraphs]
    # A letter that tells of somebody else's name greets nobody by it.
    greeted = email.name and not any("{name}" in line for line in draft.paragraphs)
    hello = f"Hello {email.name}," if greeted else "Hello,"
    link = ""
    if draft.console_path:
        secret = f"#{email.detail}" if email.detail else ""
        link = f"{public_url}/{draft.console_path}{secret}"
    text = "\n\n".join(part for part in (hello, *lines, link, draft.footer, "Holdall") if part)
    return RenderedEmail(draft.subject, text + "\n", _render_html(draft, hello, lines, link))


def _render_html(template: _Template, salutation: str, lines: list[str], link: str) -> str:
    paragraphs = [f"<p>{html.escape(line)}</p>" for line in (salutation, *lines)]
    if link:
        address = html.escape(link, quote=True)
        style = "background:#0b6e75;color:#fff;padding:10px 18px;border-radius:6px;text-decoration:none"
        paragraphs.append(f'<p><a href="{address}" style="{style}">{html.escape(template.link_text)}</a></p>')
        paragraphs.append(f'<p style="color:#666;font-size:13px">Or open this link: {address}</p>')
    paragraphs.append(f'<p style="color:#666;font-size:13px">{html.escape(template.footer)}</p>')
    font = "font-family:system-ui,sans-serif;font-size:16px;line-height:1.5;color:#16323a"
    return f'<div style="{font};max-width:34em;margin:auto;padding:16px">{"".join(paragraphs)}<p>Holdall</p></div>'
