"""DynamoDB: records, pages, batch reads and transactions.

Stores define records. Services open a Transaction or a BatchGet and pass it on, and use nothing else of this package.
"""

from holdall.platform.aws import translate_aws_errors
from holdall.platform.table.batch_get import BatchGet, Pending
from holdall.platform.table.pages import count_rows, query_page, query_shards
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
    open_client,
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
    "Transaction",
    "count_rows",
    "open_client",
    "query_page",
    "query_shards",
    "translate_aws_errors",
]
