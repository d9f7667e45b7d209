"""Rows of the audit table, written as any deed writes them, and the ways to read them again."""

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from holdall import clock
from holdall.audit.model import Entry
from holdall.audit.service import record
from holdall.caller import Visitor
from holdall.table import Transaction
from tests.api.client import Answer, Client

# Bytes of a line that tells as much as any can: ids of keys, of things in projects, and a header of what JSON writes at length.
WIDEST = len(
    Entry.model_validate(
        {
            "id": "0" * 26,
            "at": "2026-11-20T12:00:00.123456Z",
            "actor": "0" * 26,
            "key": "0" * 80,
            "action": "x" * 64,
            "target": "x" * 128,
            "outcome": "success",
            "address": "2001:db8:1111:2222::/64",
            "agent": "\x01" * 256,
            "requestId": "x" * 64,
        }
    ).model_dump_json(by_alias=True)
)
WORLD = Visitor(address="203.0.113.9", agent="somebody's browser", request_id="request-of-tests")


def write(action: str, target: str, *, actor: str = "somebody", who: Visitor = WORLD) -> None:
    """One deed."""
    with Transaction() as transaction:
        record(transaction, who, action, target, actor=actor)


def write_at(moment: datetime, targets: list[str], *, actor: str = "somebody") -> None:
    """Deeds of one moment. Their ids differ in their random part alone, so their order is none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: moment)
        for target in targets:
            write("tests.deed", target, actor=actor)


def targets(answer: Answer) -> list[str]:
    return [each["target"] for each in answer.data()]


def walk(client: Client, path: str, way: str = "next") -> list[Answer]:
    """All pages of a list from a page on, in one direction."""
    answers = [client.get(path)]
    bare = re.sub("[?&]cursor=[^&]*", "", path)
    while cursor := answers[-1].json()["pagination"][way]:
        answers.append(client.get(f"{bare}{'&' if '?' in bare else '?'}cursor={cursor}"))
    return answers


def files(client: Client, path: str) -> list[Answer]:
    """All parts of an export, by their links (RFC 8288), as a client resolves them."""
    answers = [client.get(path)]
    while link := answers[-1].headers.get("link"):
        match = re.fullmatch('<([^>]+)>; rel="next"', link)
        assert match, link
        following = urlsplit(urljoin(f"https://files.example.test/api/v1{path}", match[1]))
        answers.append(client.get(f"{following.path}?{following.query}"))
    return answers


def lines(text: str) -> list[dict[str, Any]]:
    """What JSON lines hold. A line ends with LF alone, and other signs that Python takes for an end may stand in it."""
    *whole, rest = text.split("\n")
    assert rest == ""
    return [json.loads(line) for line in whole]
