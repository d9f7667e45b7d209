"""The texts of emails. Each says who sends it and why, and what to do if the recipient did not expect it."""

import html
from dataclasses import dataclass
from urllib.parse import urlsplit

from holdall.emails.model import (
    AccountExists,
    AccountInvitation,
    Email,
    EmailChange,
    EmailContent,
    EmailVerification,
    PasswordReset,
    ProjectInvitation,
    RenderedEmail,
    SecurityNotice,
)


@dataclass(frozen=True)
class _Template:
    """The paragraphs may contain fields of the content, such as `{inviter}`. The link and the footer follow them."""

    subject: str
    paragraphs: tuple[str, ...]
    footer: str
    path: str | None = None  # of the console
    label: str = ""


_TEMPLATES: dict[type[EmailContent], _Template] = {
    EmailVerification: _Template(
        "Confirm your email address",
        (
            "Someone, probably you, signed up for Holdall with this email address.",
            "Open this link and enter the password that you chose:",
        ),
        "The link expires after 24 hours. If you did not sign up, ignore this email: without the link no account is created.",
        "verify-email",
        "Confirm email address",
    ),
    AccountExists: _Template(
        "You already have an account",
        (
            "Someone, probably you, tried to sign up for Holdall with this email address, which already has an account.",
            "Sign in with your password, or reset it if you forgot it:",
        ),
        "If you did not try to sign up, ignore this email: your account has not changed.",
        "sign-in",
        "Sign in",
    ),
    PasswordReset: _Template(
        "Reset your password",
        (
            "Someone, probably you, asked to reset the password of your Holdall account.",
            "Open this link and choose a new password:",
        ),
        "The link expires after one hour. If you did not ask for it, ignore this email: your password has not changed.",
        "reset-password",
        "Reset password",
    ),
    EmailChange: _Template(
        "Confirm your new email address",
        (
            "Someone, probably you, asked to use this email address for an account in Holdall.",
            "Open this link to confirm it:",
        ),
        "The link expires after 24 hours. If you did not ask for this, ignore this email: nothing changes without the link.",
        "confirm-email",
        "Confirm email address",
    ),
    AccountInvitation: _Template(
        "You are invited to Holdall",
        ("An administrator of Holdall created an account for you.", "Open this link and choose a password:"),
        "The link expires after seven days. If you did not expect this invitation, ignore this email.",
        "accept-invitation",
        "Accept invitation",
    ),
    ProjectInvitation: _Template(
        "You are invited to a project",
        (
            "{inviter} invited you to a project in Holdall.",
            "Open this link and sign in with this email address to join:",
        ),
        "The link expires after seven days. If you did not expect this invitation, ignore this email.",
        "join",
        "Join project",
    ),
    SecurityNotice: _Template(
        "Security notice: your account was changed",
        ("You receive this email because your Holdall account was changed.", "{change}"),
        "If you did not expect this, reset your password immediately and contact the operator of this installation.",
    ),
}


def render(email: Email, public_url: str) -> RenderedEmail:
    """Return an email as text and HTML. A secret is in the fragment of a link, which browsers send to no server.

    Raises KeyError for Discard.
    """
    template, fields = _TEMPLATES[type(email.content)], vars(email.content)
    name = fields.get("name")
    paragraphs = [f"Hello {name}," if name else "Hello,"]
    paragraphs += [paragraph.format(**fields) for paragraph in template.paragraphs]
    signature = f"Holdall at {urlsplit(public_url).netloc}"
    url = None
    if template.path:
        url = f"{public_url}/{template.path}" + (f"#{fields['token']}" if "token" in fields else "")
    text = "\n\n".join(part for part in (*paragraphs, url, template.footer, signature) if part)
    return RenderedEmail(template.subject, text + "\n", _render_html(template, paragraphs, url, signature))


def _render_html(template: _Template, paragraphs: list[str], url: str | None, signature: str) -> str:
    parts = [f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs]
    small = "color:#666;font-size:13px"
    if url:
        href = html.escape(url)
        button = "background:#0b6e75;color:#fff;padding:10px 18px;border-radius:6px;text-decoration:none"
        parts.append(f'<p><a href="{href}" style="{button}">{html.escape(template.label)}</a></p>')
        parts.append(f'<p style="{small}">Or copy this address into your browser: {href}</p>')
    parts.append(f'<p style="{small}">{html.escape(template.footer)}</p><p>{html.escape(signature)}</p>')
    font = "font-family:system-ui,sans-serif;font-size:16px;line-height:1.5;color:#16323a"
    return f'<div style="{font};max-width:34em;margin:auto;padding:16px">{"".join(parts)}</div>'
