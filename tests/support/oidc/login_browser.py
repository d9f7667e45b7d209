"""The browser's part of a sign-in: it follows where it is sent, fills in forms, and comes back."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

_MAX_STEPS = 20


class _FormParser(HTMLParser):
    """The first form of a page: where it goes, and what it holds."""

    def __init__(self, page_html: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._ended = False
        self.feed(page_html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = told.get("action", "")
        elif tag == "input" and "name" in told and self.action is not None and not self._ended:
            self.fields[told["name"]] = told.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._ended = self._ended or tag == "form"


def sign_in(start_url: str, login: str, *, browser: requests.Session | None = None) -> str:
    """Sign in as somebody, agree to everything, and return the address of the callback, which is not opened.

    `start_url` is the provider's own, or one that leads there. `browser` keeps the cookies, for whoever wants to go on.
    """
    browser = browser or requests.Session()
    callback, method, url, form = "", "GET", start_url, None
    for _ in range(_MAX_STEPS):
        callback = callback or parse_qs(urlsplit(url).query).get("redirect_uri", [""])[0]
        answer = browser.request(method, url, data=form, allow_redirects=False, timeout=20)
        if answer.is_redirect:
            method, url, form = "GET", urljoin(url, answer.headers["location"]), None
            if callback and url.partition("?")[0] == callback:
                return url
            continue
        assert answer.status_code == 200, (url, answer.status_code, answer.text[:500])
        page = _FormParser(answer.text)
        assert page.action is not None, answer.text[:500]
        fields = {name: login if name in {"login", "password"} else value for name, value in page.fields.items()}
        method, url, form = "POST", urljoin(url, page.action), fields
    raise AssertionError(f"The sign-in did not end in {_MAX_STEPS} steps.")
