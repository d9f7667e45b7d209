"""The sync of the edge store: every night, new originals move to S3, in messages of ten versions.

One chain of messages lists the versions, gives them to workers, and collects what these did, for the report of the run. A
version that fails stays in its list, so the next run tries it again. Messages that are lost or come twice do no harm.
"""

from dataclasses import replace
from datetime import timedelta

from holdall.edge import moves, store
from holdall.edge.model import BATCH_SIZE, BatchResult, SyncPage, SyncVersions
from holdall.files import service as files
from holdall.files.model import SyncList
from holdall.platform import clock, ids, messaging, observability
from holdall.platform.config import settings
from holdall.platform.edge_copies import CopyFailed, CopyTooSlow
from holdall.platform.errors import Busy, ServiceUnavailable
from holdall.platform.originals import EdgeUnavailable, edge_bucket
from holdall.platform.pagination import PageRequest
from holdall.platform.table import BatchGet, Transaction
from holdall.tasks import service as tasks
from holdall.tasks.model import TaskRun

_PAGE_SIZE = 100  # versions
_RESULTS = 50  # in one step of the collection
_FIRST_CHECK_SECONDS, _MAX_CHECK_SECONDS = 2, 60
_MAX_CHECKS = 180  # in a row without a result: three hours, in which SQS has delivered a message as often as it does
_BATCH_TIME = timedelta(minutes=11)  # after which the rest of a batch gets a message of its own
COPY_TIME = timedelta(minutes=13)  # of a batch; below the timeout of the function


def start(run: TaskRun) -> None:
    """Start a run. Raises ServiceUnavailable."""
    if settings().edge_store is None:
        tasks.save(run.ended())
    else:
        messaging.send(SyncPage(run))


def run_page(message: SyncPage) -> None:
    """Give a page of versions to workers, or collect results, and send a message for the next step.

    Raises ServiceUnavailable.
    """
    if not tasks.is_current(message.run):
        return
    if message.list_name is not None:
        following, delay_seconds = _send_next_page(message), 0
    else:
        following = _collect(message)
        delay_seconds = min(_FIRST_CHECK_SECONDS * 2**following.checks, _MAX_CHECK_SECONDS) if following.checks else 0
    run = following.run.stepped()
    if following.list_name is None and following.collected == following.sent:
        observability.log_event("edge.sync_done", **run.counts)
        tasks.save(run.ended())
        return
    messaging.send(replace(following, run=run), delay_seconds=delay_seconds)
    tasks.save(run)


def sync_versions(message: SyncVersions) -> None:
    """Process a batch of versions, one after the other, and keep the result. A failure of one does not affect the others.

    Raises ServiceUnavailable if AWS does not respond. The message comes back then, and finds what it has moved already.
    """
    started_at, result = clock.now(), message.result
    for index, key in enumerate(message.keys):
        rest = replace(message, keys=message.keys[index:], result=result)
        if index and clock.now() - started_at > _BATCH_TIME:
            messaging.send(rest)
            return
        try:
            outcome, size = moves.sync(*key, since=message.run_started_at, deadline=started_at + COPY_TIME)
            result = result.with_outcome(outcome, size)
        except (CopyFailed, Busy) as error:
            if index and isinstance(error, CopyTooSlow):  # those before it have used up the time
                messaging.send(rest)
                return
            reason = "busy" if isinstance(error, Busy) else str(error)
            result = result.with_failures([key], reason)
        except EdgeUnavailable as error:
            if not _edge_responds():
                result = result.with_failures(message.keys[index:], error.code)
                break
            result = result.with_failures([key], "unreadable_at_edge")
        except ServiceUnavailable:
            raise
        except Exception:  # noqa: BLE001  # whatever it is, the other versions must not wait for it
            observability.logger.exception("edge.sync_crashed", extra={"file_id": key[0], "version": key[1]})
            result = result.with_failures([key], "internal_error")
    _report(message, result)


def _edge_responds() -> bool:
    """Ask the edge store, because what this process knows of it may be older than the failure."""
    try:
        edge_bucket().check()
    except EdgeUnavailable:
        return False
    return True


def _report(message: SyncVersions, result: BatchResult) -> None:
    for failure in result.failures:
        observability.logger.error("edge.sync_failed", extra={"event": "edge.sync_failed", **failure.model_dump()})
    for metric, count in {"EdgeSynced": result.moved, "EdgeSyncFailed": len(result.failures)}.items():
        if count:
            observability.count_metric(metric, count)
    with Transaction() as tx:
        store.put_result(tx, message.run_id, message.batch, result)


def _send_next_page(message: SyncPage) -> SyncPage:
    """Send the versions of the next page that has some, and return the next message."""
    following = _send_page(message)
    while following.list_name is not None and following.sent == message.sent:
        following = _send_page(following)
    return following


def _send_page(message: SyncPage) -> SyncPage:
    """Send the versions of a page in batches, and return the next message."""
    assert message.list_name is not None
    before = clock.now() - moves.COPY_LIFETIME if message.list_name == "copied" else None
    page = PageRequest(_PAGE_SIZE, message.position)
    found = files.list_for_sync(message.list_name, message.shard, page, before)
    batches = [found.items[start : start + BATCH_SIZE] for start in range(0, len(found.items), BATCH_SIZE)]
    for number, keys in enumerate(batches, start=message.sent):
        started_at = message.run.started_at or message.run.updated_at
        messaging.send(SyncVersions(message.run.id, started_at, number, keys))
    following = replace(message, sent=message.sent + len(batches), position=found.next)
    if found.next is not None:
        return following
    if message.shard + 1 < ids.SHARDS:
        return replace(following, shard=message.shard + 1)
    next_list: SyncList | None = "copied" if message.list_name == "to-sync" and moves.deletes_copies() else None
    return replace(following, shard=0, list_name=next_list)


def _collect(message: SyncPage) -> SyncPage:
    """Add the results that are there to the report, in order, and return the next message.

    After hours without the next one, those that are missing are counted, and the others follow.
    """
    is_patient = message.checks <= _MAX_CHECKS
    numbers = range(message.collected, min(message.collected + _RESULTS, message.sent))
    with BatchGet() as batch:
        pending = [store.get_result(batch, message.run.id, number) for number in numbers]
    run, collected = message.run, message.collected
    for each in pending:
        if each.value is None and is_patient:
            break
        run = each.value.add_to(run) if each.value else run.counted(batchesWithoutResult=1)
        collected += 1
    is_waiting = collected < message.sent and collected == message.collected
    return replace(message, run=run, collected=collected, checks=message.checks + 1 if is_waiting else 0)
