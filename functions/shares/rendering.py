"""What the page of a link looks like: `page.html`, with `page.css` in it."""

import base64
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aws_lambda_powertools.event_handler import Response
from jinja2 import Environment, StrictUndefined

from holdall.http import problems
from holdall.http.app import BASE_PATH
from holdall.platform.errors import HoldallError
from holdall.shares.model import PasswordRequired, SharedFile
from holdall.shares.visits import download_origins

_FOLDER = Path(__file__).parent
_STYLE = (_FOLDER / "page.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_UNITS = ("kB", "MB", "GB", "TB")

# What errors mean to someone who has nothing but a link. The others say it well enough themselves.
_WORDS = {
    "body_too_large": "The file is too large. This page takes files of up to 4 MB.",
    "wrong_password": "That is not the password. Check it, then try again.",
    "quota_exceeded": "There is no room for this file. Tell the person who sent you the link.",
    "installation_full": "There is no room for this file. Tell the person who sent you the link.",
    "too_much_open": "Many files are on their way already. Try again in a few minutes.",
    "type_not_allowed": "Files of this type are not accepted here.",
    "kind_mismatch": "This file is of another kind, so it cannot be a new version. Send it as a file of its own.",
    "method_not_allowed": "Open the link again.",
    "not_found": (
        "It may have expired, been used up or been withdrawn, or a part of the address is missing. "
        "Ask the person who sent it for a new one."
    ),
}
_TITLES = {
    404: "This link does not work",
    413: "This file is too large",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Holdall is busy",
}


def _format_size(size: int) -> str:
    if size < 1000:
        return "1 byte" if size == 1 else f"{size} bytes"
    power = 1
    while round(size / 1000**power, 1) >= 1000:
        power += 1
    return f"{size / 1000**power:.1f} {_UNITS[power - 1]}"


def _format_time(time: datetime) -> str:
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


_environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
_environment.filters |= {"size": _format_size, "time": _format_time}
_template = _environment.from_string((_FOLDER / "page.html").read_text())


def show_file(
    token: str,
    shared: SharedFile,
    ticket: str | None,
    *,
    form_id: str,
    uploaded: str | None = None,
    error: HoldallError | None = None,
) -> Response[str]:
    """Return the page of what a link shares, and what became of an upload to it."""
    status = 200 if error is None else problems.status_of(error)
    preview = urlsplit(shared.preview.url) if shared.preview else None
    return _respond(
        status,
        images=f"'self' {preview.scheme}://{preview.netloc}" if preview else "'self'",
        view="file",
        title=shared.name,
        token=token,
        shared=shared,
        ticket=ticket,
        form_id=form_id,
        uploaded=uploaded,
        error=_words(error),
    )


def ask_password(token: str, error: HoldallError | None = None) -> Response[str]:
    """Return the page that asks for the password of a link. It shows nothing of the file."""
    status = 200 if error is None else problems.status_of(error)
    shown = "Enter the password again." if isinstance(error, PasswordRequired) else _words(error)
    return _respond(status, view="password", title="Protected file", token=token, error=shown)


def show_problem(event: dict[str, Any], problem: dict[str, Any]) -> Response[str] | None:
    """Return the page of an error that ends a visit, or None for a request to the API."""
    if str(event.get("rawPath", "")).startswith(f"{BASE_PATH}/"):
        return None
    status = int(problem["status"])
    return _respond(
        status,
        view="problem",
        title=_TITLES.get(status, "That did not work"),
        text=_WORDS.get(problem["code"], problem["detail"]),
        is_final=status == 404,
        request_id=problem["requestId"],
    )


def _words(error: HoldallError | None) -> str | None:
    return None if error is None else _WORDS.get(error.code, error.detail)


def _respond(status: int, *, images: str = "'self'", **values: Any) -> Response[str]:
    # A form may lead to what it redirects to, which for a download is a store.
    sources = ["'self'", *download_origins()]
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src {images}; "
        f"form-action {' '.join(sources)}; base-uri 'none'; frame-ancestors 'none'"
    )
    headers: dict[str, str | list[str]] = {"content-security-policy": policy, "x-robots-tag": "noindex, nofollow"}
    return Response(status, "text/html; charset=utf-8", _template.render(style=_STYLE, **values), headers)
