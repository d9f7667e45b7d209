"""The tables: the shape of their items, their indexes, reads and writes that happen together.

Stores declare records on it. Services open transactions and readings and hand them down; nothing else here is theirs.
"""

from holdall.platform.table.batch_get import BatchGet, Pending
from holdall.platform.table.pages import ScanPage, query_page, scan_page
from holdall.platform.table.records import (
    GSI1,
    GSI2,
    GSI3,
    AuditRecord,
    ByAction,
    ByActor,
    ByTarget,
    ByTime,
    CredentialRecord,
    EphemeralRecord,
    Item,
    Record,
    translate_dynamodb_errors,
)
from holdall.platform.table.transaction import ErrorFactory, Transaction

__all__ = [
    "GSI1",
    "GSI2",
    "GSI3",
    "AuditRecord",
    "BatchGet",
    "ByAction",
    "ByActor",
    "ByTarget",
    "ByTime",
    "CredentialRecord",
    "EphemeralRecord",
    "ErrorFactory",
    "Item",
    "Pending",
    "Record",
    "ScanPage",
    "Transaction",
    "query_page",
    "scan_page",
    "translate_dynamodb_errors",
]
