"""What no local DynamoDB does: it refuses what touches an item of a transaction that is under way.

A write of a transaction is refused while another transaction that holds its item is under way, and so is a PutItem, UpdateItem
or DeleteItem (AWS developer guide, Amazon DynamoDB Transactions: How it works, "Transaction conflict handling"). That is done
here, below the SDK, for one process and for those that are forked from it.
"""

import json
import multiprocessing
import random
import socket
import time
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.hooks import BaseEventHooks
from botocore.httpsession import URLLib3Session

_SLOTS = 1 << 20  # two keys that fall into one are in each other's way once in a million times
_AT_ONCE = 64  # connections that are kept open
_SINGLE = ("PutItem", "UpdateItem", "DeleteItem")
_FORK = multiprocessing.get_context("fork")


class Conflicts:
    """Keeps the keys of transactions that are under way.

    `seconds` is how long each of them takes, or longer where the server does; one that is refused is told so after half of
    that, as it came no further than to its preparation. `chance` is that of being refused for no reason.
    """

    def __init__(self, *, seconds: float = 0, chance: float = 0) -> None:
        self._seconds, self._chance = seconds, chance
        self._lock = _FORK.Lock()
        self._held = _FORK.RawArray("B", _SLOTS)
        self._counts = _FORK.RawArray("L", 2)

    def attach(self, events: BaseEventHooks) -> None:
        """Stand between a client of DynamoDB, by its `meta.events`, and the server."""
        events.register_first("before-send.dynamodb.TransactWriteItems", self._transact)
        for operation in _SINGLE:
            events.register_first(f"before-send.dynamodb.{operation}", self._write)

    @property
    def sent(self) -> int:
        """Transactions, each attempt counted."""
        return int(self._counts[0])

    @property
    def refused(self) -> int:
        """Of those, the ones that were in another's way."""
        return int(self._counts[1])

    @cached_property
    def _http(self) -> URLLib3Session:
        # A request is two writes, and without this the second waits for the server's receipt of the first, 40 ms.
        at_once: list[Any] = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        return URLLib3Session(max_pool_connections=_AT_ONCE, socket_options=at_once)

    def _transact(self, request: Any, **_: Any) -> Any:
        items = json.loads(request.body)["TransactItems"]
        slots = [_slot(part) for item in items for part in item.values()]
        refused = self._in_the_way(items, slots)
        if any(refused):
            time.sleep(self._seconds / 2)
            return _cancelled(request.url, refused)
        end = time.monotonic() + self._seconds
        try:
            answer = self._http.send(request)
            time.sleep(max(end - time.monotonic(), 0))
            return answer
        finally:
            with self._lock:
                for slot in slots:
                    self._held[slot] = 0

    def _in_the_way(self, items: Sequence[dict[str, Any]], slots: Sequence[int]) -> list[bool]:
        """Which items are refused; when none is, all are held from now on."""
        unlucky = _unlucky(items) if random.random() < self._chance else -1  # noqa: S311  # no secret
        with self._lock:
            refused = [number == unlucky or self._held[slot] == 1 for number, slot in enumerate(slots)]
            self._counts[0] += 1
            self._counts[1] += any(refused)
            if not any(refused):
                for slot in slots:
                    self._held[slot] = 1
        return refused

    def _write(self, request: Any, **_: Any) -> Any:
        with self._lock:
            held = self._held[_slot(json.loads(request.body))]
        said = {"message": "Transaction is ongoing for the item"}
        return _answer(request.url, "TransactionConflictException", said) if held else None


class _Content(BytesIO):
    """What is left to be read of an answer, in the form in which the SDK reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _slot(part: dict[str, Any]) -> int:
    key = part.get("Key") or part["Item"]
    text = json.dumps([part["TableName"], key["pk"], key["sk"]])
    return zlib.crc32(text.encode()) % _SLOTS


def _unlucky(items: Sequence[dict[str, Any]]) -> int:
    """The number of an item that others may hold too; what is put is mostly new, and nobody else's."""
    shared = [number for number, item in enumerate(items) if "Put" not in item]
    return random.choice(shared or range(len(items)))  # noqa: S311  # no secret


def _cancelled(url: str, refused: Sequence[bool]) -> AWSResponse:
    codes = ["TransactionConflict" if each else "None" for each in refused]
    reasons = [
        {"Code": code, "Message": "Transaction is ongoing for the item"} if code != "None" else {"Code": code}
        for code in codes
    ]
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
    return _answer(url, "TransactionCanceledException", {"Message": message, "CancellationReasons": reasons})


def _answer(url: str, kind: str, said: dict[str, Any]) -> AWSResponse:
    content = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", **said}).encode()
    headers = HTTPHeaders()
    headers["content-type"] = "application/x-amz-json-1.0"
    return AWSResponse(url, 400, headers, _Content(content))
