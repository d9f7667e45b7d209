"""A browser that signs in: it follows redirects and fills in forms."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

_MAX_STEPS = 20


class _FormParser(HTMLParser):
    """The action and the fields of the first form of a page."""

    def __init__(self, page_html: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._ended = False
        self.feed(page_html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = attributes.get("action", "")
        elif tag == "input" and "name" in attributes and self.action is not None and not self._ended:
            self.fields[attributes["name"]] = attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._ended = self._ended or tag == "form"


def sign_in(start_url: str, login: str, *, browser: requests.Session | None = None) -> str:
    """Sign in, grant everything, and return the URL of the callback, which is not opened.

    `start_url` may redirect to the provider. `browser` keeps the cookies for further requests.
    """
    browser = browser or requests.Session()
    callback, method, url, form = "", "GET", start_url, None
    for _ in range(_MAX_STEPS):
        callback = callback or parse_qs(urlsplit(url).query).get("redirect_uri", [""])[0]
        response = browser.request(method, url, data=form, allow_redirects=False, timeout=20)
        if response.is_redirect:
            method, url, form = "GET", urljoin(url, response.headers["location"]), None
            if callback and url.partition("?")[0] == callback:
                return url
            continue
        assert response.status_code == 200, (url, response.status_code, response.text[:500])
        page = _FormParser(response.text)
        assert page.action is not None, response.text[:500]
        fields = {name: login if name in {"login", "password"} else value for name, value in page.fields.items()}
        method, url, form = "POST", urljoin(url, page.action), fields
    raise AssertionError(f"The sign-in did not end in {_MAX_STEPS} steps.")
