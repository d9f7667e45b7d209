"""The page of a link, as a browser without scripts uses it."""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from tests.support.client import Client, Response

_BOUNDARY = "form-boundary"


@dataclass
class Form:
    """A form: where it leads, and the values that it has."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Page(HTMLParser):
    """Collects the forms, the text, and all tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append((tag, values))
        if tag == "form":
            self.forms.append(Form(values["action"]))
        elif tag == "input" and values.get("type") == "hidden":
            self.forms[-1].fields[values["name"]] = values["value"]


def tags(page: Response) -> list[tuple[str, dict[str, str]]]:
    """Return the tags of a page with their attributes."""
    return _Page(page.text).tags


def find_form(page: Response, action: str) -> Form:
    """Return the form whose action ends like this."""
    return find_form_in(page.text, action)


def find_form_in(html: str, action: str) -> Form:
    """Return the form of a page whose action ends like this."""
    (found,) = [form for form in _Page(html).forms if form.action.endswith(action)]
    return found


def words(page: Response) -> str:
    """Return the text of the main part of a page, with single spaces."""
    main = page.text.partition("<main>")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())


def open_page(token: str, path: str = "", **kwargs: Any) -> Response:
    return Client(base_path="").get(f"/s/{token}{path}", **kwargs)


def send(form: Form, **fields: str) -> Response:
    """Send a form without a file."""
    body = urlencode({**form.fields, **fields}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Client(base_path="").request("POST", form.action, raw=body, headers=headers)


def send_file(form: Form, name: str, content: bytes, content_type: str = "text/plain", **fields: str) -> Response:
    """Send a form with a file, as browsers do (RFC 7578)."""
    texts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in {**form.fields, **fields}.items()
    ]
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {content_type}\r\n\r\n"
    )
    body = "".join(texts).encode() + head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return Client(base_path="").request("POST", form.action, raw=body, headers=headers)
