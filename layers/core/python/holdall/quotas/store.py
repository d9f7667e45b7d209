"""The counters of what projects hold, and of what the whole installation does."""

from dataclasses import fields

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from holdall.platform import ids
from holdall.platform.errors import Conflict, HoldallError
from holdall.platform.table import BatchGet, Pending, Record, Transaction
from holdall.quotas.model import SHARDS, EffectiveQuota, QuotaUsage, Reservation, Shard, UsageBreakdown

_NO_QUOTA = Conflict("This project has no quota.", code="no_quota")
_CANNOT_FAIL = Conflict("A counter without a limit was not updated.", code="uncounted")


class QuotaRecord(Record, discriminator="quota"):
    bytes = NumberAttribute(default=0)
    files = NumberAttribute(default=0)
    version = NumberAttribute(default=0)  # what came and went: a recount tells by it whether something did meanwhile
    frozen = BooleanAttribute(null=True)  # nothing more comes into a project that is deleted


class InstallationQuotaRecord(Record, discriminator="installation-quota"):
    bytes = NumberAttribute(default=0)  # of this part; below zero where more was given back than taken here
    files = NumberAttribute(default=0)
    version = NumberAttribute(default=0)
    limit_version = UnicodeAttribute(null=True)  # the caps that this part was fitted to


class UsageRecord(Record, discriminator="usage"):
    image_bytes = NumberAttribute(default=0)
    images = NumberAttribute(default=0)
    file_bytes = NumberAttribute(default=0)
    files = NumberAttribute(default=0)
    variant_bytes = NumberAttribute(default=0)
    variants = NumberAttribute(default=0)


def create(tx: Transaction, project_id: str) -> None:
    """Begin to count for a project that is new."""
    tx.put_new(
        QuotaRecord(_pk(project_id), "QUOTA"), error=Conflict("The project has a quota already.", code="quota_exists")
    )


def read_usage(project_id: str) -> QuotaUsage:
    """What a project holds. Raises Unavailable."""
    record = QuotaRecord.get_or_none(_pk(project_id), "QUOTA")
    return _to_usage(record) if record else QuotaUsage()


def get_usage(batch: BatchGet, project_id: str) -> Pending[QuotaUsage]:
    """What a project holds."""
    return batch.get(QuotaRecord, _pk(project_id), "QUOTA", _to_usage)


def get_shard(batch: BatchGet, shard: int) -> Pending[Shard]:
    """One part of the installation's counters."""
    return batch.get(
        InstallationQuotaRecord,
        _installation_pk(shard),
        "QUOTA",
        lambda record: Shard(_to_usage(record), record.limit_version),
    )


def get_breakdown(batch: BatchGet, project_id: str, shard: int) -> Pending[UsageBreakdown]:
    """One part of the counters of what lies in a project."""
    return batch.get(UsageRecord, _pk(project_id), _breakdown_sk(shard), _to_breakdown)


def reserve(tx: Transaction, project_id: str, size: int, *, limits: EffectiveQuota, error: HoldallError) -> None:
    """Count one original of `size` bytes in, if what is held stays within these bounds."""
    tx.update(
        QuotaRecord(_pk(project_id), "QUOTA"),
        [QuotaRecord.bytes.add(size), QuotaRecord.files.add(1), QuotaRecord.version.add(1)],
        condition=QuotaRecord.frozen.does_not_exist()
        & (QuotaRecord.bytes <= limits.max_bytes - size)
        & (QuotaRecord.files <= limits.max_files - 1),
        error=error,
    )


def reserve_shards(tx: Transaction, reservation: Reservation, *, error: HoldallError) -> None:
    """Count one original into the installation, if no part passes its share of the cap by it."""
    for number, move in reservation.changes.items():
        share, record = (
            reservation.limit.shard_limit(number),
            InstallationQuotaRecord(_installation_pk(number), "QUOTA"),
        )
        room = (InstallationQuotaRecord.bytes <= share.bytes - move.bytes) & (
            InstallationQuotaRecord.files <= share.files - move.files
        )
        actions = [
            InstallationQuotaRecord.bytes.add(move.bytes),
            InstallationQuotaRecord.files.add(move.files),
            InstallationQuotaRecord.version.add(1),
        ]
        if reservation.rebalances:
            fitted = [*actions, InstallationQuotaRecord.limit_version.set(reservation.limit.version)]
            tx.increment(record, fitted, condition=room, error=error)
        else:
            tx.update(
                record,
                actions,
                condition=room & (InstallationQuotaRecord.limit_version == reservation.limit.version),
                error=error,
            )


def release(tx: Transaction, project_id: str, size: int, *, version_id: str) -> None:
    """Count one original of `size` bytes out, of its project and of a part of the installation."""
    tx.update(
        QuotaRecord(_pk(project_id), "QUOTA"),
        [QuotaRecord.bytes.add(-size), QuotaRecord.files.add(-1), QuotaRecord.version.add(1)],
        error=_NO_QUOTA,
    )
    tx.increment(
        InstallationQuotaRecord(_installation_pk(ids.shard(version_id, SHARDS)), "QUOTA"),
        [
            InstallationQuotaRecord.bytes.add(-size),
            InstallationQuotaRecord.files.add(-1),
            InstallationQuotaRecord.version.add(1),
        ],
        error=_CANNOT_FAIL,
    )


def add_to_breakdown(tx: Transaction, project_id: str, version_id: str, delta: UsageBreakdown) -> None:
    """Count what a version, and what was drawn of it, changes."""
    moved = [(each.name, getattr(delta, each.name)) for each in fields(delta)]
    actions = [getattr(UsageRecord, name).add(more) for name, more in moved if more]
    if actions:
        record = UsageRecord(_pk(project_id), _breakdown_sk(ids.shard(version_id, SHARDS)))
        tx.increment(record, actions, error=_CANNOT_FAIL)


def correct(tx: Transaction, project_id: str, expected: QuotaUsage, delta: QuotaUsage, *, error: HoldallError) -> None:
    """Add what was missing to the counters of a project, if nothing moved them since they were seen."""
    tx.update(
        QuotaRecord(_pk(project_id), "QUOTA"),
        [QuotaRecord.bytes.add(delta.bytes), QuotaRecord.files.add(delta.files), QuotaRecord.version.add(1)],
        condition=QuotaRecord.version == expected.version,
        error=error,
    )


def correct_installation(tx: Transaction, delta: QuotaUsage) -> None:
    """Add what was missing to the counters of the installation: to one part, and all have to be fitted to the cap anew."""
    more = [
        InstallationQuotaRecord.bytes.add(delta.bytes),
        InstallationQuotaRecord.files.add(delta.files),
        InstallationQuotaRecord.version.add(1),
    ]
    for number in range(SHARDS):
        # One part may be above its share now, so none may be moved alone before what is too much there went to others.
        actions = [InstallationQuotaRecord.limit_version.remove(), *(more if number == 0 else [])]
        tx.increment(InstallationQuotaRecord(_installation_pk(number), "QUOTA"), actions, error=_CANNOT_FAIL)


def freeze(tx: Transaction, project_id: str) -> None:
    """Let nothing more in."""
    tx.update(QuotaRecord(_pk(project_id), "QUOTA"), [QuotaRecord.frozen.set(True)], error=_NO_QUOTA)


def unfreeze(tx: Transaction, project_id: str) -> None:  # the word for it
    """Let something in again."""
    tx.update(QuotaRecord(_pk(project_id), "QUOTA"), [QuotaRecord.frozen.remove()], error=_NO_QUOTA)


def delete(tx: Transaction, project_id: str) -> None:
    """Remove the counters of a project, with it: seventeen items of a transaction."""
    tx.delete_if_exists(QuotaRecord(_pk(project_id), "QUOTA"))
    for number in range(SHARDS):
        tx.delete_if_exists(UsageRecord(_pk(project_id), _breakdown_sk(number)))


def _to_usage(record: QuotaRecord | InstallationQuotaRecord) -> QuotaUsage:
    return QuotaUsage(int(record.bytes), int(record.files), int(record.version))


def _to_breakdown(record: UsageRecord) -> UsageBreakdown:
    return UsageBreakdown(*(int(getattr(record, each.name)) for each in fields(UsageBreakdown)))


def _pk(project_id: str) -> str:
    return f"PROJECT#{project_id}"


def _breakdown_sk(shard: int) -> str:
    return f"USAGE#{shard}"


def _installation_pk(shard: int) -> str:
    return f"INSTALLATION#QUOTA#{shard}"
