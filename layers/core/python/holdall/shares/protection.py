"""The passwords of shares. A share has a rate limit for each network, so no one can lock others out.

A page cannot ask for the password again at each button, and must not contain it. So it gets a ticket: the time when it ends,
and its MAC with the hash of the password as the key. That hash has a random salt and is known to no one, so a ticket tells
nothing about the password, and it ends with the share.
"""

import hmac
import re
from collections.abc import Sequence
from datetime import timedelta

from holdall.platform import clock, ids, observability
from holdall.platform.caller import ClientInfo
from holdall.platform.table import Transaction
from holdall.rate_limits import service as rate_limits
from holdall.rate_limits.service import Hit
from holdall.shares.model import PasswordRequired, Proof, Share, WrongPassword

TICKET_LIFETIME = timedelta(minutes=30)
_TICKET = re.compile(r"([0-9]{1,12})\.[0-9a-f]{64}")


def hash_password(password: str) -> str:
    # Imported here because argon2 would make every cold start longer, and few shares have a password.
    from holdall.platform import passwords  # noqa: PLC0415

    return passwords.hash_password(password)


def check_proof(share: Share, proof: Proof, client: ClientInfo) -> list[Hit]:
    """Check the ticket or the password for a share that has one, and return what `refund` takes back on success.

    An attempt is counted before its password is hashed. Raises PasswordRequired, WrongPassword and TooManyRequests.
    """
    if share.password_hash is None or is_ticket(share, proof.ticket):
        return []
    if proof.password is None:
        raise PasswordRequired
    hits = rate_limits.hit_network("share-password", client.ip, account=share.id)
    from holdall.platform import passwords  # noqa: PLC0415  # as above

    if not passwords.verify(proof.password, share.password_hash):
        observability.log_event("share.wrong_password", share_id=share.id)
        raise WrongPassword
    return hits


def refund(tx: Transaction, hits: Sequence[Hit]) -> None:
    """Take back an attempt with the right password."""
    for hit in hits:
        rate_limits.refund(tx, hit)


def new_ticket(share: Share) -> str | None:
    """Return a ticket for a share, if it has a password."""
    if share.password_hash is None:
        return None
    return _sign(share, share.password_hash, int((clock.now() + TICKET_LIFETIME).timestamp()))


def is_ticket(share: Share, ticket: str | None) -> bool:
    """Return whether a text is a ticket for a share that has not ended."""
    match = _TICKET.fullmatch(ticket or "")
    if match is None or share.password_hash is None:
        return False
    ends_at = int(match[1])
    is_genuine = ids.constant_time_equal(match[0], _sign(share, share.password_hash, ends_at))
    return is_genuine and clock.now().timestamp() < ends_at


def _sign(share: Share, password_hash: str, ends_at: int) -> str:
    text = f"share-ticket {share.id} {ends_at}"
    return f"{ends_at}.{hmac.digest(password_hash.encode(), text.encode(), 'sha256').hex()}"
