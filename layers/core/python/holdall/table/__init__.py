"""The tables: the shape of their items, their indexes, reads and writes that happen together.

Stores declare records on it. Services open transactions and readings and hand them down; nothing else here is theirs.
"""

from holdall.table.items import (
    AuditRecord,
    ByFacet,
    ByOwner,
    ByQuality,
    CredentialRecord,
    EphemeralRecord,
    Item,
    Record,
    answering,
    page_of,
)
from holdall.table.reading import Awaited, Reading
from holdall.table.transaction import Transaction

__all__ = [
    "AuditRecord",
    "Awaited",
    "ByFacet",
    "ByOwner",
    "ByQuality",
    "CredentialRecord",
    "EphemeralRecord",
    "Item",
    "Reading",
    "Record",
    "Transaction",
    "answering",
    "page_of",
]
