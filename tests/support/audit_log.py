"""Audit entries, written by the service, and read through the API."""

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from holdall.audit.model import AuditEntry
from holdall.audit.service import log
from holdall.platform import clock
from holdall.platform.caller import ClientInfo
from holdall.platform.table import Transaction
from tests.support.client import Client, Response

# Bytes of the longest line of an export. JSON writes each control character of the user agent as six characters.
MAX_ENTRY_BYTES = len(
    AuditEntry.model_validate(
        {
            "id": "0" * 26,
            "createdAt": "2026-11-20T12:00:00.123456Z",
            "actor": "0" * 26,
            "apiKeyId": "0" * 80,
            "shareId": "0" * 39,
            "action": "x" * 64,
            "target": "x" * 128,
            "outcome": "success",
            "clientIp": "2001:db8:1111:2222::/64",
            "userAgent": "\x01" * 256,
            "requestId": "x" * 64,
        }
    ).model_dump_json(by_alias=True)
)
CLIENT_INFO = ClientInfo(ip="203.0.113.9", user_agent="test-browser", request_id="request-of-tests")


def write_entry(action: str, target: str, *, actor: str = "actor-1", client_info: ClientInfo = CLIENT_INFO) -> None:
    """Write an entry."""
    with Transaction() as tx:
        log(tx, client_info, action, target, actor=actor)


def write_entries_at(at: datetime, targets: list[str], *, actor: str = "actor-1") -> None:
    """Write entries of the same time. Only the random parts of their IDs differ, so they have no order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: at)
        for target in targets:
            write_entry("tests.action", target, actor=actor)


def list_targets(response: Response) -> list[str]:
    return [each["target"] for each in response.data()]


def list_pages(client: Client, path: str, direction: str = "next") -> list[Response]:
    """Return the pages of a list from a page on, in one direction."""
    pages = [client.get(path)]
    bare = re.sub("[?&]cursor=[^&]*", "", path)
    while cursor := pages[-1].json()["pagination"][direction]:
        pages.append(client.get(f"{bare}{'&' if '?' in bare else '?'}cursor={cursor}"))
    return pages


def download_export(client: Client, path: str) -> list[Response]:
    """Return all parts of an export. Each links to the next one (RFC 8288)."""
    parts = [client.get(path)]
    while link := parts[-1].headers.get("link"):
        match = re.fullmatch('<([^>]+)>; rel="next"', link)
        assert match, link
        url = urlsplit(urljoin(f"https://files.example.test/api/v1{path}", match[1]))
        parts.append(client.get(f"{url.path}?{url.query}"))
    return parts


def parse_json_lines(text: str) -> list[dict[str, Any]]:
    """Parse JSON Lines. Only LF ends a line, and not the other line breaks of `str.splitlines`."""
    *lines, rest = text.split("\n")
    assert rest == ""
    return [json.loads(line) for line in lines]
