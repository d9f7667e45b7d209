"""The tables: the shape of their items, their indexes, reads and writes that happen together.

Stores declare records on it. Services open transactions and readings and hand them down; nothing else here is theirs.
"""

from holdall.table.items import (
    AuditRecord,
    ByAction,
    ByActor,
    ByFacet,
    ByOwner,
    ByQuality,
    ByTarget,
    ByTime,
    CredentialRecord,
    EphemeralRecord,
    Item,
    Record,
    answering,
)
from holdall.table.pages import Stretch, page_of, stretch_of
from holdall.table.reading import Awaited, Reading
from holdall.table.transaction import Transaction

__all__ = [
    "AuditRecord",
    "Awaited",
    "ByAction",
    "ByActor",
    "ByFacet",
    "ByOwner",
    "ByQuality",
    "ByTarget",
    "ByTime",
    "CredentialRecord",
    "EphemeralRecord",
    "Item",
    "Reading",
    "Record",
    "Stretch",
    "Transaction",
    "answering",
    "page_of",
    "stretch_of",
]
