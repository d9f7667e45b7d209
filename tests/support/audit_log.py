"""Rows of the audit table, written as any deed writes them, and the ways to read them again."""

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

# Bytes of a line that tells as much as any can: ids of keys, of things in projects, and a header of what JSON writes at length.
MAX_ENTRY_BYTES = len(
    AuditEntry.model_validate(
        {
            "id": "0" * 26,
            "createdAt": "2026-11-20T12:00:00.123456Z",
            "actor": "0" * 26,
            "apiKeyId": "0" * 80,
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
    """One deed."""
    with Transaction() as transaction:
        log(transaction, client_info, action, target, actor=actor)


def write_entries_at(at: datetime, targets: list[str], *, actor: str = "actor-1") -> None:
    """Deeds of one moment. Their ids differ in their random part alone, so their order is none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: at)
        for target in targets:
            write_entry("tests.action", target, actor=actor)


def list_targets(response: Response) -> list[str]:
    return [each["target"] for each in response.data()]


def list_pages(client: Client, path: str, direction: str = "next") -> list[Response]:
    """All pages of a list from a page on, in one direction."""
    answers = [client.get(path)]
    bare = re.sub("[?&]cursor=[^&]*", "", path)
    while cursor := answers[-1].json()["pagination"][direction]:
        answers.append(client.get(f"{bare}{'&' if '?' in bare else '?'}cursor={cursor}"))
    return answers


def download_export(client: Client, path: str) -> list[Response]:
    """All parts of an export, by their links (RFC 8288), as a client resolves them."""
    answers = [client.get(path)]
    while link := answers[-1].headers.get("link"):
        match = re.fullmatch('<([^>]+)>; rel="next"', link)
        assert match, link
        following = urlsplit(urljoin(f"https://files.example.test/api/v1{path}", match[1]))
        answers.append(client.get(f"{following.path}?{following.query}"))
    return answers


def parse_json_lines(text: str) -> list[dict[str, Any]]:
    """What JSON lines hold. A line ends with LF alone, and other signs that Python takes for an end may stand in it."""
    *whole, rest = text.split("\n")
    assert rest == ""
    return [json.loads(line) for line in whole]
