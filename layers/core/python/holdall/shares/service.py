"""Use cases of those who share: create, list and revoke shares, and see how they were used."""

from functools import partial

from holdall.api_keys import rights
from holdall.api_keys.rights import RightsLookup
from holdall.audit.service import log
from holdall.files import service as files
from holdall.files.model import FileInTrash
from holdall.idempotency import service as idempotency
from holdall.platform import clock, ids
from holdall.platform.caller import Caller
from holdall.platform.config import settings
from holdall.platform.pagination import Page, PageRequest
from holdall.platform.table import BatchGet, Transaction
from holdall.projects.model import Membership, Project
from holdall.shares import protection, store
from holdall.shares.model import (
    USES_RETENTION,
    CreateShareRequest,
    ScopeNotHeld,
    Share,
    ShareNotFound,
    SharePermission,
    ShareUse,
    ShareView,
    ShareWithToken,
    new_token,
)
from holdall.uploads import cleanup

_DELETE_BATCH_SIZE = 45  # shares, of two rows each: below the limit of 100 items in a transaction


def create(
    caller: Caller, project: Project, membership: Membership | None, file_id: str, request: CreateShareRequest
) -> ShareWithToken:
    """Share a file. No other function returns the token.

    Raises NotFound, FileInTrash, ScopeNotHeld, TooManyShares, and AlreadyProcessed for a duplicate request.
    """
    if caller.api_key_scopes is not None and not _needed(request.permission) <= caller.api_key_scopes:
        raise ScopeNotHeld
    if files.get(file_id).state != "live":
        raise FileInTrash
    token, now = new_token(), clock.now()
    share = Share(
        id=ids.new_scoped_id(project.id),
        file_id=file_id,
        permission=request.permission,
        token_sha256=ids.sha256_hex(token),
        password_hash=None if request.password is None else protection.hash_password(request.password),
        expires_at=request.expires_at,
        max_downloads=request.max_downloads,
        downloads=0,
        created_by=caller.user_id,
        api_key_id=caller.api_key_id,
        membership_id=membership.id if membership else None,
        created_at=now,
    )

    def work(tx: Transaction) -> Share:
        files.check_live(tx, file_id)  # a purge deletes only the shares that it finds
        store.put(tx, share)
        log(tx, caller, "shares.create", share.id)
        return share

    idempotency.run(caller, work, save=lambda created: created.id, replay=idempotency.reject_replay)
    url = f"{settings().public_url}/s/{token}"
    return ShareWithToken.model_validate({**vars(_view(share, is_valid=True)), "token": token, "url": url})


def list_views(project: Project, file_id: str, page: PageRequest) -> Page[ShareView]:
    """Return the shares of a file, newest first. Two round trips. Raises NotFound."""
    found = store.list_page(file_id, page)
    with BatchGet() as batch:
        pending_file = files.get_pending(batch, file_id)
        lookups = [
            rights.load(batch, project.id, user_id=share.created_by, api_key_id=share.api_key_id)
            for share in found.items
        ]
    file = files.require(pending_file.value)
    views = [
        _view(share, is_valid=file.state == "live" and has_right(share, lookup))
        for share, lookup in zip(found.items, lookups, strict=True)
    ]
    return Page(views, next=found.next, prev=found.prev)


def has_right(share: Share, lookup: RightsLookup) -> bool:
    """Return whether the creator of a share may still give the access that it gives."""
    held = rights.get_or_none(lookup)
    if held is None:
        return False
    is_same_member = share.membership_id is None or (
        held.membership is not None and held.membership.id == share.membership_id
    )
    return is_same_member and _needed(share.permission) <= held.permissions


def revoke(caller: Caller, file_id: str, share_id: str) -> None:
    """Delete a share, with effect on its next use, and abort the uploads that it began. Raises ShareNotFound."""
    share = _get(file_id, share_id)
    with Transaction() as tx:
        store.delete(tx, share)
        log(tx, caller, "shares.delete", share_id)
        if share.permission == "write":
            tx.on_commit(partial(cleanup.enqueue_share, share_id))


def list_uses(file_id: str, share_id: str, page: PageRequest) -> Page[ShareUse]:
    """Return the uses of a share in the last 90 days, newest first. Two round trips. Raises ShareNotFound."""
    _get(file_id, share_id)
    return store.list_uses(share_id, clock.now() - USES_RETENTION, page)


def delete_rows(file_id: str) -> None:
    """Delete the shares of a purged file. Their uses expire. The result is the same after a repetition."""
    while found := store.list_page(file_id, PageRequest(_DELETE_BATCH_SIZE)).items:
        with Transaction() as tx:
            for share in found:
                store.delete_if_exists(tx, share)
    with Transaction() as tx:
        store.delete_count(tx, file_id)


def _get(file_id: str, share_id: str) -> Share:
    """Return a share of a file. One round trip. Raises ShareNotFound."""
    if ids.project_id_of(share_id) != ids.project_id_of(file_id):
        raise ShareNotFound
    share = store.get_or_none(file_id, share_id)
    if share is None:
        raise ShareNotFound
    return share


def _needed(permission: SharePermission) -> frozenset[str]:
    """Return the permissions that the creator of a share needs. A share for writing allows downloads as well."""
    needed = frozenset({"files.share", "files.read"})
    return needed | {"files.write"} if permission == "write" else needed


def _view(share: Share, *, is_valid: bool) -> ShareView:
    status = share.status_at(clock.now())
    return ShareView.model_validate(
        {
            **{name: value for name, value in vars(share).items() if name in ShareView.model_fields},
            "status": status if is_valid or status != "active" else "inactive",
            "has_password": share.password_hash is not None,
        }
    )
