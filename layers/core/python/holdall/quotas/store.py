"""The counters of what projects hold, and of what the whole installation does."""

from dataclasses import fields

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from holdall import ids
from holdall.errors import Conflict, Failure
from holdall.quotas.model import PARTS, Bounds, Held, Part, Place, Usage
from holdall.table import Awaited, Reading, Record, Transaction

_UNKNOWN = Conflict("no_quota", "This project has no quota.")
_NEVER = Conflict("uncounted", "A counter without bounds was not moved.")


class QuotaRecord(Record, discriminator="quota"):
    bytes = NumberAttribute(default=0)
    files = NumberAttribute(default=0)
    moves = NumberAttribute(default=0)  # what came and went: a recount tells by it whether something did meanwhile
    closed = BooleanAttribute(null=True)  # nothing more comes into a project that is deleted


class InstallationRecord(Record, discriminator="installation-quota"):
    bytes = NumberAttribute(default=0)  # of this part; below zero where more was given back than taken here
    files = NumberAttribute(default=0)
    moves = NumberAttribute(default=0)
    within = UnicodeAttribute(null=True)  # the caps that this part was fitted to


class UsageRecord(Record, discriminator="usage"):
    image_bytes = NumberAttribute(default=0)
    images = NumberAttribute(default=0)
    file_bytes = NumberAttribute(default=0)
    files = NumberAttribute(default=0)
    variant_bytes = NumberAttribute(default=0)
    variants = NumberAttribute(default=0)


def add(write: Transaction, project_id: str) -> None:
    """Begin to count for a project that is new."""
    write.create(QuotaRecord(_key(project_id), "QUOTA"), otherwise=Conflict("quota_exists", "It is counted already."))


def held(project_id: str) -> Held:
    """What a project holds. Raises Unavailable."""
    record = QuotaRecord.find(_key(project_id), "QUOTA")
    return _held(record) if record else Held()


def counted(read: Reading, project_id: str) -> Awaited[Held]:
    """What a project holds."""
    return read.get(QuotaRecord, _key(project_id), "QUOTA", _held)


def part(read: Reading, number: int) -> Awaited[Part]:
    """One part of the installation's counters."""
    return read.get(InstallationRecord, _part_key(number), "QUOTA", lambda record: Part(_held(record), record.within))


def usage(read: Reading, project_id: str, number: int) -> Awaited[Usage]:
    """One part of the counters of what lies in a project."""
    return read.get(UsageRecord, _key(project_id), _usage_key(number), _usage)


def reserve(write: Transaction, project_id: str, size: int, *, within: Bounds, otherwise: Failure) -> None:
    """Count one original of `size` bytes in, if what is held stays within these bounds."""
    write.update(
        QuotaRecord(_key(project_id), "QUOTA"),
        [QuotaRecord.bytes.add(size), QuotaRecord.files.add(1), QuotaRecord.moves.add(1)],
        when=QuotaRecord.closed.does_not_exist()
        & (QuotaRecord.bytes <= within.bytes - size)
        & (QuotaRecord.files <= within.files - 1),
        otherwise=otherwise,
    )


def take(write: Transaction, place: Place, *, otherwise: Failure) -> None:
    """Count one original into the installation, if no part passes its share of the cap by it."""
    for number, move in place.moves.items():
        share, record = place.cap.share(number), InstallationRecord(_part_key(number), "QUOTA")
        room = (InstallationRecord.bytes <= share.bytes - move.bytes) & (
            InstallationRecord.files <= share.files - move.files
        )
        actions = [
            InstallationRecord.bytes.add(move.bytes),
            InstallationRecord.files.add(move.files),
            InstallationRecord.moves.add(1),
        ]
        if place.fits:
            fitted = [*actions, InstallationRecord.within.set(place.cap.name)]
            write.count(record, fitted, within=room, otherwise=otherwise)
        else:
            write.update(
                record, actions, when=room & (InstallationRecord.within == place.cap.name), otherwise=otherwise
            )


def give_back(write: Transaction, project_id: str, size: int, *, of: str) -> None:
    """Count one original of `size` bytes out, of its project and of a part of the installation."""
    write.update(
        QuotaRecord(_key(project_id), "QUOTA"),
        [QuotaRecord.bytes.add(-size), QuotaRecord.files.add(-1), QuotaRecord.moves.add(1)],
        otherwise=_UNKNOWN,
    )
    write.count(
        InstallationRecord(_part_key(ids.shard(of, PARTS)), "QUOTA"),
        [InstallationRecord.bytes.add(-size), InstallationRecord.files.add(-1), InstallationRecord.moves.add(1)],
        otherwise=_NEVER,
    )


def use(write: Transaction, project_id: str, version_id: str, change: Usage) -> None:
    """Count what a version, and what was drawn of it, changes."""
    moved = [(each.name, getattr(change, each.name)) for each in fields(change)]
    actions = [getattr(UsageRecord, name).add(more) for name, more in moved if more]
    if actions:
        record = UsageRecord(_key(project_id), _usage_key(ids.shard(version_id, PARTS)))
        write.count(record, actions, otherwise=_NEVER)


def correct(write: Transaction, project_id: str, seen: Held, change: Held, *, otherwise: Failure) -> None:
    """Add what was missing to the counters of a project, if nothing moved them since they were seen."""
    write.update(
        QuotaRecord(_key(project_id), "QUOTA"),
        [QuotaRecord.bytes.add(change.bytes), QuotaRecord.files.add(change.files), QuotaRecord.moves.add(1)],
        when=QuotaRecord.moves == seen.moves,
        otherwise=otherwise,
    )


def correct_installation(write: Transaction, change: Held) -> None:
    """Add what was missing to the counters of the installation: to one part, and all have to be fitted to the cap anew."""
    more = [
        InstallationRecord.bytes.add(change.bytes),
        InstallationRecord.files.add(change.files),
        InstallationRecord.moves.add(1),
    ]
    for number in range(PARTS):
        # One part may be above its share now, so none may be moved alone before what is too much there went to others.
        actions = [InstallationRecord.within.remove(), *(more if number == 0 else [])]
        write.count(InstallationRecord(_part_key(number), "QUOTA"), actions, otherwise=_NEVER)


def close(write: Transaction, project_id: str) -> None:
    """Let nothing more in."""
    write.update(QuotaRecord(_key(project_id), "QUOTA"), [QuotaRecord.closed.set(True)], otherwise=_UNKNOWN)


def open(write: Transaction, project_id: str) -> None:  # noqa: A001  # the word for it
    """Let something in again."""
    write.update(QuotaRecord(_key(project_id), "QUOTA"), [QuotaRecord.closed.remove()], otherwise=_UNKNOWN)


def forget(write: Transaction, project_id: str) -> None:
    """Remove the counters of a project, with it: seventeen items of a transaction."""
    write.forget(QuotaRecord(_key(project_id), "QUOTA"))
    for number in range(PARTS):
        write.forget(UsageRecord(_key(project_id), _usage_key(number)))


def _held(record: QuotaRecord | InstallationRecord) -> Held:
    return Held(int(record.bytes), int(record.files), int(record.moves))


def _usage(record: UsageRecord) -> Usage:
    return Usage(*(int(getattr(record, each.name)) for each in fields(Usage)))


def _key(project_id: str) -> str:
    return f"PROJECT#{project_id}"


def _usage_key(number: int) -> str:
    return f"USAGE#{number}"


def _part_key(number: int) -> str:
    return f"INSTALLATION#QUOTA#{number}"
