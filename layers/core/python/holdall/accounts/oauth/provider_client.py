"""HTTP requests to a provider, bounded in time and size. Redirects are not followed.

The documents of a provider contain URLs for further requests. Each must be HTTPS, or on this machine if the issuer is.
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
from typing import Any, TypeVar

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from holdall.accounts.oauth.model import OAuthFailed, ProviderUnavailable
from holdall.platform import observability

TIMEOUT_SECONDS = 4.0  # for all requests of a step of a sign-in, so that our response takes less than five seconds
_MAX_RESPONSE_BYTES = 256 * 1024
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1"})
_JSON_CONTENT_TYPE = re.compile(r"application/([\w.-]+\+)?json *(;.*)?", re.IGNORECASE)
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,4096}=*")  # RFC 6750, section 2.1
_T = TypeVar("_T")


@dataclass(frozen=True)
class ProviderResponse:
    """A response with a status of 2xx or 4xx, and a JSON body of any shape."""

    status: int
    body: Any

    def get(self, name: str) -> Any:
        """Return a member of the body, or None."""
        return self.body.get(name) if isinstance(self.body, dict) else None

    def get_str(self, name: str) -> str | None:
        """Return a member of the body if it is a string that is not blank, else None."""
        value = self.get(name)
        return value if isinstance(value, str) and value.strip() else None


class ProviderClient:
    """Sends the requests to a provider. Together, the requests of a step take at most `timeout` seconds."""

    def __init__(self, provider_name: str, issuer: str, timeout: float) -> None:
        self._provider_name, self._issuer, self._timeout = provider_name, issuer, timeout
        self._deadline = 0.0
        self._pool = urllib3.PoolManager(retries=False, ssl_context=_ssl_context())

    def start_step(self) -> None:
        """Start the time limit of a step. A process of Lambda serves one request at a time, so steps do not overlap."""
        self._deadline = time.monotonic() + self._timeout

    def get(
        self, url: str, *, bearer_token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> ProviderResponse:
        """Send a GET request. Raises ProviderUnavailable."""
        authorization = {}
        if bearer_token is not None:
            if not _BEARER_TOKEN.fullmatch(bearer_token):
                raise self.unavailable("access_token")
            authorization = {"authorization": f"Bearer {bearer_token}"}
        return self._request("GET", url, {**(headers or {}), **authorization}, None)

    def post(self, url: str, form: bytes, headers: Mapping[str, str]) -> ProviderResponse:
        """Send a form. Raises ProviderUnavailable."""
        return self._request("POST", url, {"content-type": "application/x-www-form-urlencoded", **headers}, form)

    def check_url(self, url: object) -> str:
        """Return a URL that the provider may name. Raises ProviderUnavailable for any other."""
        try:
            parsed = parse_url(url) if isinstance(url, str) else None
            issuer = parse_url(self._issuer)
        except HTTPError as error:
            raise self.unavailable("url_not_allowed") from error
        if parsed is None or not parsed.host or parsed.auth or parsed.fragment:
            raise self.unavailable("url_not_allowed")
        is_local = parsed.host in _LOOPBACK_HOSTS and issuer.host in _LOOPBACK_HOSTS
        if parsed.scheme != "https" and not (parsed.scheme == "http" and is_local):
            raise self.unavailable("url_not_allowed")
        return str(url)

    def unavailable(self, reason: str) -> ProviderUnavailable:
        """Log why a provider is not available, and return the error. The reason never contains text of a response."""
        observability.log_event("oauth.provider_unavailable", provider=self._provider_name, reason=reason)
        return ProviderUnavailable(f"{self._provider_name} is not available. Try again later.")

    def failed(self, reason: str) -> OAuthFailed:
        """Log why a sign-in failed, and return the error. The reason never contains text of a response."""
        observability.log_event("oauth.failed", provider=self._provider_name, reason=reason)
        return OAuthFailed(f"The sign-in with {self._provider_name} failed. Try again.")

    def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> ProviderResponse:
        url, timeout = self.check_url(url), self._deadline - time.monotonic()
        if timeout <= 0:
            raise self.unavailable("timeout")
        sent = {"accept": "application/json", "user-agent": "Holdall", **headers}
        try:
            response = _with_deadline(timeout, lambda: self._send(method, url, sent, body, timeout))
        except TimeoutError as error:
            raise self.unavailable("timeout") from error
        except (HTTPError, OSError, ValueError) as error:  # ValueError: the host name is not valid IDNA
            raise self.unavailable("unreachable") from error
        return self._parse(*response)

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> tuple[int, str, bytes]:
        response = self._pool.request(
            method,
            url,
            body=body,
            headers=headers,
            timeout=urllib3.Timeout(total=timeout),
            redirect=False,
            preload_content=False,
            decode_content=False,  # so that a small response cannot expand to a large one
        )
        try:
            content = response.read(_MAX_RESPONSE_BYTES + 1)
        except BaseException:
            response.close()
            raise
        if len(content) > _MAX_RESPONSE_BYTES:
            response.close()
        else:
            response.release_conn()  # the next request often goes to the same host
        return response.status, response.headers.get("content-type", ""), content

    def _parse(self, status: int, content_type: str, content: bytes) -> ProviderResponse:
        if not 200 <= status < 300 and not 400 <= status < 500:
            raise self.unavailable("status")
        if status == 429:
            raise self.unavailable("too_many_requests")
        if len(content) > _MAX_RESPONSE_BYTES:
            raise self.unavailable("too_large")
        if not _JSON_CONTENT_TYPE.fullmatch(content_type):
            raise self.unavailable("not_json")
        try:
            return ProviderResponse(status, json.loads(content))
        except (ValueError, RecursionError) as error:
            raise self.unavailable("not_json") from error


def _with_deadline(timeout: float, call: Callable[[], _T]) -> _T:
    """Call a function in a thread, and wait for it. Raises TimeoutError, and leaves the thread alone.

    A socket's timeout bounds each wait and not their sum, and not the lookup of the host name: a server that sends a byte now
    and then could hold the request forever.
    """
    outcome: Future[_T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001  # `outcome.result` raises it in the thread of the caller
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    return outcome.result(timeout)


@cache
def _ssl_context() -> ssl.SSLContext:
    """Return a context that verifies certificates and host names. Loading the certificate authorities takes 20 ms."""
    return ssl.create_default_context()
