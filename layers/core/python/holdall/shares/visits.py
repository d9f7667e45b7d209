"""Use cases of those who have a link: see what it shares, and download it.

Every use reads the share and the rights of its creator again, so that a revocation has effect at once.
"""

from urllib.parse import urlsplit

from holdall.api_keys import rights
from holdall.files import service as files
from holdall.files.model import File, Variant
from holdall.platform import clock, ids, observability
from holdall.platform.caller import ClientInfo
from holdall.platform.config import settings
from holdall.platform.table import BatchGet, Transaction
from holdall.shares import protection, service, store
from holdall.shares.model import (
    OpenShare,
    Proof,
    SharedFile,
    ShareDownload,
    ShareNotFound,
    SharePreview,
    is_token,
    new_use,
)

_MAX_PREVIEW_SIDE = 1600  # pixels; a larger variant is for another purpose


def open_share(token: str) -> OpenShare:
    """Return the share of a token, if it can be used now. Two round trips, and one for an unknown token.

    The token leads to the share, and everything that decides is then read together. Raises ShareNotFound.
    """
    link = store.find_link_or_none(ids.sha256_hex(token)) if is_token(token) else None
    if link is None:
        raise ShareNotFound
    project_id = ids.project_id_of(link.file_id)
    with BatchGet() as batch:
        pending_share = store.get_pending(batch, link.file_id, link.share_id)
        pending_file = files.get_pending(batch, link.file_id)
        lookup = rights.load(batch, project_id, user_id=link.created_by, api_key_id=link.api_key_id)
    share, file = pending_share.require(ShareNotFound), pending_file.require(ShareNotFound)
    held = rights.get_or_none(lookup)
    if share.status_at(clock.now()) != "active" or file.state != "live":
        raise ShareNotFound
    if held is None or not service.has_right(share, lookup):
        raise ShareNotFound
    observability.set_log_context(f"share={share.id} project={project_id}")
    return OpenShare(share, file, held.project, held.role)


def describe(token: str, ticket: str | None = None) -> SharedFile:
    """Return what a share shows to anyone, or to the holder of a ticket. Raises ShareNotFound."""
    opened = open_share(token)
    return _describe(opened, is_unlocked=protection.is_ticket(opened.share, ticket))


def unlock(client: ClientInfo, token: str, password: str) -> tuple[SharedFile, str | None]:
    """Return what a share shows to those who know its password, and a ticket for what they do next.

    Raises ShareNotFound, WrongPassword and TooManyRequests.
    """
    opened = open_share(token)
    enter(opened, Proof(password), client)
    return _describe(opened, is_unlocked=True), protection.new_ticket(opened.share)


def enter(opened: OpenShare, proof: Proof, client: ClientInfo) -> None:
    """Check what is to open a share. An attempt counts only if it fails.

    Raises PasswordRequired, WrongPassword and TooManyRequests.
    """
    attempt = protection.check_proof(opened.share, proof, client)
    if attempt:
        with Transaction() as tx:
            protection.refund(tx, attempt)


def download(client: ClientInfo, token: str, proof: Proof) -> ShareDownload:
    """Count a download, and return the URL for it. Three round trips, and one or two more for a password.

    Raises ShareNotFound, PasswordRequired, WrongPassword and TooManyRequests.
    """
    opened = open_share(token)
    share, file = opened.share, opened.file
    attempt = protection.check_proof(share, proof, client)
    if file.current.status == "rejected":
        raise ShareNotFound  # there is nothing that could be downloaded
    presigned = files.presign_original(file)
    use = new_use(client, "download", version=file.current.number, size=file.current.size, at=clock.now())
    with Transaction() as tx:
        store.count_download(tx, share)
        store.put_use(tx, share, ids.new_id(), use)
        protection.refund(tx, attempt)
    return ShareDownload(url=presigned.url, expires_at=presigned.expires_at)


def download_origins() -> list[str]:
    """Return the origins of the URLs of downloads, which a page has to allow: of S3, and of the edge store."""
    edge = settings().edge_store
    urls = [settings().originals_url, *([edge.public_endpoint] if edge else [])]
    return [f"{url.scheme}://{url.netloc}" for url in map(urlsplit, urls)]


def _describe(opened: OpenShare, *, is_unlocked: bool) -> SharedFile:
    share, file = opened.share, opened.file
    shared = SharedFile(
        permission=share.permission,
        needs_password=share.password_hash is not None,
        expires_at=share.expires_at,
        downloads_left=share.downloads_left,
    )
    if shared.needs_password and not is_unlocked:
        return shared
    current = file.current
    shown = {
        "name": file.name,
        "size": current.size,
        "kind": file.kind,
        "downloadable": current.status != "rejected",
        "preview": _preview(file),
    }
    return shared.model_copy(update=shown)


def _preview(file: File) -> SharePreview | None:
    """Return the largest variant that fits on a screen. The original is never shown, whatever its type claims to be."""
    if file.current.status == "rejected":
        return None
    ready = [variant for variant in file.current.latest_variants.values() if variant.status == "ready"]
    best = max((each for each in ready if _side(each) <= _MAX_PREVIEW_SIDE), key=_side, default=None)
    if best is None:
        return None
    url, _ = files.variant_url(file, best, "inline")
    return SharePreview(url=url, width=best.width, height=best.height)


def _side(variant: Variant) -> int:
    return max(variant.width or 0, variant.height or 0)
