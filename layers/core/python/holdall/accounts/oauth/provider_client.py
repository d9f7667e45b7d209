"""Requests to a provider: bounded in time and size, to addresses that may be asked, and never led elsewhere.

A provider's documents name the addresses that we ask next, so they are held to what the configured issuer may name: TLS,
or this machine when the issuer itself is on it.
"""

import json
import re
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from threading import Thread
from typing import Any, Final, TypeVar

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from holdall.accounts.oauth.model import Provider, provider_unavailable

# Seconds for everything that one step of a sign-in asks of a provider: whoever waits for us is answered within five.
TIMEOUT_SECONDS: Final = 4.0
_MAX_RESPONSE_BYTES: Final = 256 * 1024  # bytes of one answer
_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1"})
_JSON_CONTENT_TYPE: Final = re.compile(r"application/([\w.-]+\+)?json *(;.*)?", re.IGNORECASE)
_T = TypeVar("_T")
_BEARER_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,4096}=*")  # RFC 6750, section 2.1


@dataclass(frozen=True)
class ProviderResponse:
    """What a provider said: a status below 500, and JSON of whatever shape."""

    status: int
    body: Any

    def get(self, name: str) -> Any:
        """A member of the answer, or None where there is none."""
        return self.body.get(name) if isinstance(self.body, dict) else None

    def get_str(self, name: str) -> str | None:
        """A member of the answer that is a text with something in it, or None."""
        said = self.get(name)
        return said if isinstance(said, str) and said.strip() else None


class ProviderClient:
    """All that one step of a sign-in asks of a provider. It ends after `patience` seconds, however many requests it takes."""

    def __init__(self, provider: Provider, timeout: float = TIMEOUT_SECONDS) -> None:
        self.provider = provider
        self._ends = time.monotonic() + timeout
        self._pool = urllib3.PoolManager(retries=False, ssl_context=_ssl_context())

    def get(
        self, url: str, *, access_token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> ProviderResponse:
        """What lies at an address, asked with an access token where one is given. Raises Unavailable."""
        sent = dict(headers or {})
        if access_token is not None:
            sent["authorization"] = f"Bearer {self._check_token(access_token)}"
        return self._request("GET", url, sent, None)

    def post(self, url: str, form: bytes, headers: Mapping[str, str]) -> ProviderResponse:
        """The answer to a form. Raises Unavailable."""
        return self._request("POST", url, {"content-type": "application/x-www-form-urlencoded", **headers}, form)

    def check_url(self, url: object) -> str:
        """An address that this provider may send us to. Raises Unavailable for any other."""
        try:
            parsed = parse_url(url) if isinstance(url, str) else None
            issuer = parse_url(self.provider.issuer)
        except HTTPError as error:
            raise provider_unavailable(self.provider, "url_not_allowed") from error
        if parsed is None or not parsed.host or parsed.auth or parsed.fragment:
            raise provider_unavailable(self.provider, "url_not_allowed")
        at_home = parsed.host in _LOOPBACK_HOSTS and issuer.host in _LOOPBACK_HOSTS
        if parsed.scheme != "https" and not (parsed.scheme == "http" and at_home):
            raise provider_unavailable(self.provider, "url_not_allowed")
        return str(url)

    def _check_token(self, token: str) -> str:
        if not _BEARER_TOKEN.fullmatch(token):
            raise provider_unavailable(self.provider, "access_token")
        return token

    def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> ProviderResponse:
        address, left = self.check_url(url), self._ends - time.monotonic()
        if left <= 0:
            raise provider_unavailable(self.provider, "timeout")
        sent = {"accept": "application/json", "user-agent": "Holdall", **headers}
        try:
            status, kind, content = _with_deadline(left, lambda: self._send(method, address, sent, body, left))
        except TimeoutError as error:
            raise provider_unavailable(self.provider, "timeout") from error
        except (HTTPError, OSError, ValueError) as error:  # ValueError: a name that is none, which only IDNA notices
            raise provider_unavailable(self.provider, "unreachable") from error
        return self._parse(status, kind, content)

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> tuple[int, str, bytes]:
        answer = self._pool.request(
            method,
            url,
            body=body,
            headers=headers,
            timeout=urllib3.Timeout(total=timeout),
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            # One byte more than is allowed shows that there is more. Nothing is unpacked, so that is what it costs.
            content = answer.read(_MAX_RESPONSE_BYTES + 1)
        except BaseException:
            answer.close()
            raise
        if len(content) > _MAX_RESPONSE_BYTES:
            answer.close()
        else:
            answer.release_conn()  # the next request of this conversation often goes to the same host
        return answer.status, answer.headers.get("content-type", ""), content

    def _parse(self, status: int, content_type: str, content: bytes) -> ProviderResponse:
        if not 200 <= status < 300 and not 400 <= status < 500:  # a redirect is no answer: nobody leads us elsewhere
            raise provider_unavailable(self.provider, "status")
        if status == 429:
            raise provider_unavailable(self.provider, "too_many_requests")
        if len(content) > _MAX_RESPONSE_BYTES:
            raise provider_unavailable(self.provider, "too_large")
        if not _JSON_CONTENT_TYPE.fullmatch(content_type):
            raise provider_unavailable(self.provider, "not_json")
        try:
            return ProviderResponse(status, json.loads(content))
        except (ValueError, RecursionError) as error:
            raise provider_unavailable(self.provider, "not_json") from error


def _with_deadline(timeout: float, call: Callable[[], _T]) -> _T:
    """Do it, for so long at most. Raises TimeoutError.

    Limits of sockets bound each wait, not their sum, and say nothing of looking up names: a server that lets a byte drip now
    and then could hold a request for ever. So the work has a thread, which is left alone when its time is over.
    """
    outcome: Future[_T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001  # it is raised where the work was asked for
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    return outcome.result(timeout)


@cache
def _ssl_context() -> ssl.SSLContext:
    """Certificates and names are verified. Reading the authorities costs 20 ms, so it is done once."""
    return ssl.create_default_context()
