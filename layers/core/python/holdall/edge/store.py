"""Records of the sync: what each of its messages did."""

from datetime import timedelta

from pynamodb.attributes import UnicodeAttribute

from holdall.edge.model import BatchResult
from holdall.platform import clock
from holdall.platform.table import BatchGet, Pending, Record, Transaction

_TTL = timedelta(days=2)  # longer than a run may take


class SyncResultRecord(Record, discriminator="sync-result"):
    content = UnicodeAttribute()  # JSON


def put_result(tx: Transaction, run_id: str, batch: int, result: BatchResult) -> None:
    """Set the result of a batch."""
    ttl = int((clock.now() + _TTL).timestamp())
    tx.put(SyncResultRecord(*_key(run_id, batch), content=result.model_dump_json(), ttl=ttl))


def get_result(batch_get: BatchGet, run_id: str, batch: int) -> Pending[BatchResult]:
    """Read the result of a batch."""
    return batch_get.get(
        SyncResultRecord, *_key(run_id, batch), lambda record: BatchResult.model_validate_json(record.content)
    )


def _key(run_id: str, batch: int) -> tuple[str, str]:
    return f"TASK#sync-edge#{run_id}#{batch:08d}", "RESULT"
