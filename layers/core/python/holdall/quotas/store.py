"""Records of quotas and usage.

They are in partitions of their own, so a function that counts needs no right to write projects and their members.
"""

from dataclasses import fields

from pynamodb.attributes import BooleanAttribute, NumberAttribute
from pynamodb.expressions.update import Action

from holdall.platform import ids
from holdall.platform.errors import NotFound
from holdall.platform.table import BatchGet, ErrorFactory, Pending, Record, Transaction
from holdall.quotas.model import (
    SHARDS,
    QuotaExceeded,
    QuotaLimits,
    QuotaUsage,
    TooMuchOpen,
    UsageBreakdown,
    UsageChanged,
)


class QuotaRecord(Record, discriminator="quota"):
    bytes = NumberAttribute(default=0)
    files = NumberAttribute(default=0)
    version = NumberAttribute(default=0)
    frozen = BooleanAttribute(null=True)  # a deleted project accepts no uploads
    api_keys = NumberAttribute(default=0)


class InstallationQuotaRecord(Record, discriminator="installation-quota"):
    """One shard of the counters."""

    bytes = NumberAttribute(default=0)
    files = NumberAttribute(default=0)
    version = NumberAttribute(default=0)


class OpenUploadsRecord(Record, discriminator="open-uploads"):
    """What the open uploads of a user reserve in all projects, or those of a share."""

    bytes = NumberAttribute(default=0)


class UsageRecord(Record, discriminator="usage"):
    """One shard of the counters of a project by kind."""

    image_bytes = NumberAttribute(default=0)
    images = NumberAttribute(default=0)
    file_bytes = NumberAttribute(default=0)
    files = NumberAttribute(default=0)
    variant_bytes = NumberAttribute(default=0)
    variants = NumberAttribute(default=0)
    frozen = BooleanAttribute(null=True)  # a deleted project accepts no versions


def create(tx: Transaction, project_id: str) -> None:
    """Add the counters of a new project."""
    tx.put_new(QuotaRecord(*_key(project_id)))


def get_usage(batch: BatchGet, project_id: str) -> Pending[QuotaUsage]:
    """Read the usage of a project."""
    return batch.get(QuotaRecord, *_key(project_id), _to_usage)


def get_installation_shard(batch: BatchGet, shard: int) -> Pending[QuotaUsage]:
    """Read a shard of the usage of the installation."""
    return batch.get(InstallationQuotaRecord, *_installation_key(shard), _to_usage)


def get_breakdown_shard(batch: BatchGet, project_id: str, shard: int) -> Pending[UsageBreakdown]:
    """Read a shard of the usage of a project by kind."""
    return batch.get(UsageRecord, *_breakdown_key(project_id, shard), _to_breakdown)


def reserve(tx: Transaction, project_id: str, size: int, *, version_id: str, limits: QuotaLimits) -> None:
    """Count an original of `size` bytes in its project and in the installation. The transaction raises QuotaExceeded."""
    has_room = (
        QuotaRecord.frozen.does_not_exist()
        & (QuotaRecord.bytes <= limits.max_bytes - size)
        & (QuotaRecord.files <= limits.max_files - 1)
    )
    actions = _add_actions(QuotaRecord, size, 1)
    tx.update(QuotaRecord(*_key(project_id)), actions, condition=has_room, error=QuotaExceeded)
    _add_to_installation(tx, ids.shard(version_id, SHARDS), size, 1)


def resize(tx: Transaction, project_id: str, delta: int, *, version_id: str, limits: QuotaLimits) -> None:
    """Count `delta` bytes more for an original, or fewer. The transaction raises QuotaExceeded if there is no room for more."""
    has_room = QuotaRecord.bytes <= limits.max_bytes - delta
    actions = [QuotaRecord.bytes.add(delta), QuotaRecord.version.add(1)]
    condition = has_room if delta > 0 else None
    tx.update(QuotaRecord(*_key(project_id)), actions, condition=condition, error=QuotaExceeded)
    _add_to_installation(tx, ids.shard(version_id, SHARDS), delta, 0)


def get_open_bytes(batch: BatchGet, user_id: str) -> Pending[int]:
    """Read what the open uploads of a user reserve."""
    return batch.get(OpenUploadsRecord, *_open_uploads_key(user_id), lambda record: int(record.bytes))


def open_upload(tx: Transaction, opener_id: str, size: int, *, max_bytes: int) -> None:
    """Count the bytes that an upload of a user or share reserves while it is open. The transaction raises TooMuchOpen."""
    has_room = OpenUploadsRecord.bytes <= max_bytes - size
    record = OpenUploadsRecord(*_open_uploads_key(opener_id))
    tx.upsert(record, [OpenUploadsRecord.bytes.add(size)], condition=has_room, error=TooMuchOpen)


def close_upload(tx: Transaction, opener_id: str, size: int) -> None:
    """Stop counting an upload as open."""
    tx.update(OpenUploadsRecord(*_open_uploads_key(opener_id)), [OpenUploadsRecord.bytes.add(-size)])


def release(tx: Transaction, project_id: str, size: int, *, version_id: str) -> None:
    """Stop counting an original of `size` bytes in its project and in the installation."""
    tx.update(QuotaRecord(*_key(project_id)), _add_actions(QuotaRecord, -size, -1))
    _add_to_installation(tx, ids.shard(version_id, SHARDS), -size, -1)


def add_api_key(tx: Transaction, project_id: str, *, max_keys: int, error: ErrorFactory) -> None:
    """Count one more API key of a project."""
    has_room = QuotaRecord.api_keys < max_keys
    tx.update(QuotaRecord(*_key(project_id)), [QuotaRecord.api_keys.add(1)], condition=has_room, error=error)


def remove_api_key(tx: Transaction, project_id: str) -> None:
    """Count one API key of a project less."""
    tx.update(QuotaRecord(*_key(project_id)), [QuotaRecord.api_keys.add(-1)])


def add_to_breakdown(
    tx: Transaction, project_id: str, version_id: str, delta: UsageBreakdown, *, to_active: bool = False
) -> None:
    """Change the usage of a project by kind. With `to_active`, the transaction raises NotFound for a deleted project."""
    numbers = {each.name: getattr(delta, each.name) for each in fields(delta)}
    actions = [getattr(UsageRecord, name).add(number) for name, number in numbers.items() if number]
    if actions:
        record = UsageRecord(*_breakdown_key(project_id, ids.shard(version_id, SHARDS)))
        condition = UsageRecord.frozen.does_not_exist() if to_active else None
        tx.upsert(record, actions, condition=condition, error=NotFound)


def correct(tx: Transaction, project_id: str, bytes_: int, files: int, *, version: int) -> None:
    """Add a difference to the usage of a project. The transaction raises UsageChanged if this is not its latest version."""
    actions, is_unchanged = _add_actions(QuotaRecord, bytes_, files), QuotaRecord.version == version
    tx.update(QuotaRecord(*_key(project_id)), actions, condition=is_unchanged, error=UsageChanged)


def correct_installation(tx: Transaction, bytes_: int, files: int) -> None:
    """Add a difference to the usage of the installation. Any shard will do, because only the sum counts."""
    _add_to_installation(tx, 0, bytes_, files)


def freeze(tx: Transaction, project_id: str) -> None:
    """Let a project accept neither uploads nor versions: 17 items of the transaction.

    A commit writes one of the shards anyway. A check of the project itself would be an item that all commits wait for.
    """
    tx.update(QuotaRecord(*_key(project_id)), [QuotaRecord.frozen.set(True)])
    for shard in range(SHARDS):
        tx.upsert(UsageRecord(*_breakdown_key(project_id, shard)), [UsageRecord.frozen.set(True)])


def unfreeze(tx: Transaction, project_id: str) -> None:
    """Let a project accept uploads and versions again: 17 items of the transaction."""
    tx.update(QuotaRecord(*_key(project_id)), [QuotaRecord.frozen.remove()])
    for shard in range(SHARDS):
        tx.update(UsageRecord(*_breakdown_key(project_id, shard)), [UsageRecord.frozen.remove()])


def delete(tx: Transaction, project_id: str) -> None:
    """Delete the counters of a project: 17 items of the transaction."""
    tx.delete_if_exists(QuotaRecord(*_key(project_id)))
    for shard in range(SHARDS):
        tx.delete_if_exists(UsageRecord(*_breakdown_key(project_id, shard)))


def _add_to_installation(tx: Transaction, shard: int, bytes_: int, files: int) -> None:
    record = InstallationQuotaRecord(*_installation_key(shard))
    tx.upsert(record, _add_actions(InstallationQuotaRecord, bytes_, files))


def _add_actions(record_type: type[QuotaRecord | InstallationQuotaRecord], bytes_: int, files: int) -> list[Action]:
    return [record_type.bytes.add(bytes_), record_type.files.add(files), record_type.version.add(1)]


def _to_usage(record: QuotaRecord | InstallationQuotaRecord) -> QuotaUsage:
    return QuotaUsage(int(record.bytes), int(record.files), int(record.version))


def _to_breakdown(record: UsageRecord) -> UsageBreakdown:
    return UsageBreakdown(*(int(getattr(record, each.name)) for each in fields(UsageBreakdown)))


def _key(project_id: str) -> tuple[str, str]:
    return f"QUOTA#{project_id}", "QUOTA"


def _open_uploads_key(opener_id: str) -> tuple[str, str]:
    return f"QUOTA#OPEN#{opener_id}", "OPEN"


def _breakdown_key(project_id: str, shard: int) -> tuple[str, str]:
    return f"USAGE#{project_id}#{shard}", "USAGE"


def _installation_key(shard: int) -> tuple[str, str]:
    return f"INSTALLATION#QUOTA#{shard}", "QUOTA"
