"""Records of shares, of their tokens, and of their uses."""

from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute

from holdall.platform import ids
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Pending, Record, Transaction, query_page
from holdall.shares.model import (
    MAX_SHARES,
    USES_RETENTION,
    Share,
    ShareLink,
    ShareNotFound,
    ShareUse,
    TooManyShares,
    UseRecorded,
)


class ShareRecord(Record, discriminator="share"):
    id = UnicodeAttribute()
    file_id = UnicodeAttribute()
    permission = UnicodeAttribute()
    token_sha256 = UnicodeAttribute()
    password_hash = UnicodeAttribute(null=True)
    expires_at = UTCDateTimeAttribute(null=True)
    max_downloads = NumberAttribute(null=True)
    downloads = NumberAttribute()
    created_by = UnicodeAttribute()
    api_key_id = UnicodeAttribute(null=True)
    membership_id = UnicodeAttribute(null=True)
    created_at = UTCDateTimeAttribute()


class ShareTokenRecord(Record, discriminator="share-token"):
    share_id = UnicodeAttribute()
    file_id = UnicodeAttribute()
    created_by = UnicodeAttribute()
    api_key_id = UnicodeAttribute(null=True)


class ShareCountRecord(Record, discriminator="share-count"):
    shares = NumberAttribute()


class ShareUseRecord(Record, discriminator="share-use"):
    used_at = UTCDateTimeAttribute()
    action = UnicodeAttribute()
    version = NumberAttribute()
    bytes = NumberAttribute()
    network = UnicodeAttribute()
    user_agent = UnicodeAttribute()


def put(tx: Transaction, share: Share) -> None:
    """Add a share. The transaction raises TooManyShares; parallel requests are counted exactly."""
    tx.put_new(ShareRecord(*_key(share.file_id, share.id), **vars(share)))
    link = {name: getattr(share, name) for name in ("file_id", "created_by", "api_key_id")}
    tx.put_new(ShareTokenRecord(*_token_key(share.token_sha256), share_id=share.id, **link))
    tx.upsert(
        ShareCountRecord(*_count_key(share.file_id)),
        [ShareCountRecord.shares.add(1)],
        condition=ShareCountRecord.shares < MAX_SHARES,
        error=TooManyShares,
    )


def delete(tx: Transaction, share: Share) -> None:
    """Delete a share. The transaction raises ShareNotFound if there is none."""
    tx.delete(ShareRecord(*_key(share.file_id, share.id)), error=ShareNotFound)
    tx.delete(ShareTokenRecord(*_token_key(share.token_sha256)))
    tx.update(ShareCountRecord(*_count_key(share.file_id)), [ShareCountRecord.shares.add(-1)])


def delete_if_exists(tx: Transaction, share: Share) -> None:
    """Delete a share of a purged file, whether or not it exists."""
    tx.delete_if_exists(ShareRecord(*_key(share.file_id, share.id)))
    tx.delete_if_exists(ShareTokenRecord(*_token_key(share.token_sha256)))


def delete_count(tx: Transaction, file_id: str) -> None:
    """Delete the counter of a purged file, whether or not it exists."""
    tx.delete_if_exists(ShareCountRecord(*_count_key(file_id)))


def get_or_none(file_id: str, share_id: str) -> Share | None:
    """Return a share of a file, or None. One round trip. Raises ServiceUnavailable."""
    record = ShareRecord.get_or_none(*_key(file_id, share_id))
    return _to_model(record) if record else None


def get_pending(batch: BatchGet, file_id: str, share_id: str) -> Pending[Share]:
    """Read a share of a file."""
    return batch.get(ShareRecord, *_key(file_id, share_id), _to_model)


def find_link_or_none(token_sha256: str) -> ShareLink | None:
    """Return what a token leads to, or None. One round trip. Raises ServiceUnavailable."""
    record = ShareTokenRecord.get_or_none(*_token_key(token_sha256))
    return ShareLink(record.share_id, record.file_id, record.created_by, record.api_key_id) if record else None


def list_page(file_id: str, page: PageRequest) -> Page[Share]:
    """Return the shares of a file, newest first. Strongly consistent, one round trip. Raises ServiceUnavailable."""
    found = query_page(ShareRecord, None, _pk(file_id), page, descending=True, prefix="SHARE#")
    return Page([_to_model(record) for record in found.items], next=found.next, prev=found.prev)


def count_download(tx: Transaction, share: Share) -> None:
    """Count a download, unless there are as many as the share allows. The transaction raises ShareNotFound."""
    record = ShareRecord(*_key(share.file_id, share.id))
    is_left = None if share.max_downloads is None else ShareRecord.downloads < share.max_downloads
    tx.update(record, [ShareRecord.downloads.add(1)], condition=is_left, error=ShareNotFound)


def put_use(tx: Transaction, share: Share, use_id: str, use: ShareUse) -> None:
    """Add a use with this ID, a ULID. The transaction raises UseRecorded if there is one."""
    record = ShareUseRecord(
        _uses_pk(share.id), use_id, ttl=int((use.used_at + USES_RETENTION).timestamp()), **use.model_dump()
    )
    tx.put_new(record, error=UseRecorded)


def list_uses(share_id: str, since: datetime, page: PageRequest) -> Page[ShareUse]:
    """Return the uses of a share from a time on, newest first. Strongly consistent, one round trip."""
    range_ = (ids.min_id_at(since), None)
    found = query_page(ShareUseRecord, None, _uses_pk(share_id), page, descending=True, range_=range_)
    names = ShareUse.model_fields
    uses = [ShareUse.model_validate({name: getattr(record, name) for name in names}) for record in found.items]
    return Page(uses, next=found.next, prev=found.prev)


def _to_model(record: ShareRecord) -> Share:
    values: dict[str, Any] = {name: getattr(record, name) for name in Share.__dataclass_fields__}
    limit = int(record.max_downloads) if record.max_downloads else None
    return Share(**{**values, "downloads": int(record.downloads), "max_downloads": limit})


def _pk(file_id: str) -> str:
    return f"SHARES#{file_id}"


def _key(file_id: str, share_id: str) -> tuple[str, str]:
    return _pk(file_id), f"SHARE#{ids.local_part(share_id)}"


def _count_key(file_id: str) -> tuple[str, str]:
    return _pk(file_id), "COUNT"


def _token_key(token_sha256: str) -> tuple[str, str]:
    return f"SHARE_TOKEN#{token_sha256}", "TOKEN"


def _uses_pk(share_id: str) -> str:
    return f"SHARE_USES#{share_id}"
