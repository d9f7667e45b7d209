"""Challenges: secrets that prove something when a user brings them back, once, within a time, for one purpose and subject.

There is one record for each kind and subject, so a new challenge revokes the previous one. Only the digest of a secret is
stored. Each kind has a payload, which is what the code that verifies the challenge needs to know again.
"""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import ClassVar, Generic, TypeVar

from holdall.accounts import store
from holdall.accounts.model import StoredChallenge
from holdall.iam import tokens
from holdall.iam.model import InvalidToken, normalize_email
from holdall.iam.tokens import TokenKind
from holdall.platform import clock, ids
from holdall.platform.table import Transaction
from holdall.rate_limits import service as rate_limits
from holdall.rate_limits.model import TooManyRequests


@dataclass(frozen=True)
class Payload:
    kind: ClassVar[TokenKind]
    lifetime: ClassVar[timedelta]


@dataclass(frozen=True)
class SignUpPayload(Payload):
    """An account that a sign-up asked for."""

    kind = TokenKind.EMAIL_VERIFICATION
    lifetime = timedelta(hours=24)
    email: str
    name: str | None
    password_hash: str
    account_exists: bool  # then the token is never sent, and proves nothing


@dataclass(frozen=True)
class PasswordResetPayload(Payload):
    kind = TokenKind.RESET
    lifetime = timedelta(hours=1)
    user_id: str
    email: str


@dataclass(frozen=True)
class EmailChangePayload(Payload):
    kind = TokenKind.EMAIL_CHANGE
    lifetime = timedelta(hours=24)
    user_id: str
    old_email: str
    new_email: str


@dataclass(frozen=True)
class InvitationPayload(Payload):
    kind = TokenKind.ACCOUNT_INVITATION
    lifetime = timedelta(days=7)
    user_id: str


@dataclass(frozen=True)
class MfaPayload(Payload):
    """A user who has shown the first factor. A change of a credential ends the generation.

    If that was an identity that is not linked yet, the second factor links it.
    """

    kind = TokenKind.MFA
    lifetime = timedelta(minutes=5)
    user_id: str
    generation: int
    provider: str | None = None
    issuer: str = ""
    subject: str = ""
    email: str = ""


@dataclass(frozen=True)
class OAuthStatePayload(Payload):
    """A sign-in that went to a provider, or, with the session that asked for it, a link of an identity."""

    kind = TokenKind.OAUTH_STATE
    lifetime = timedelta(minutes=10)
    provider: str
    code_verifier: str
    nonce: str
    return_to: str
    browser_sha256: str
    session_id: str | None


P = TypeVar("P", bound=Payload)


@dataclass(frozen=True)
class Challenge(Generic[P]):
    payload: P
    lookup_id: str
    secret_sha256: str


def can_send(kind: type[Payload], email: str, *, has_link: bool = True) -> bool:
    """Count an email with a link of this kind to an address, for all clients together. Return False if there were too many.

    The caller must then keep the previous challenge, so that the newest link that was sent stays valid. Each kind counts by
    itself, and a request that finds no link to send counts apart, so that no one uses up the emails that an owner waits for.
    One round trip.
    """
    subject = f"{kind.kind if has_link else 'none'} {normalize_email(email)}"
    try:
        rate_limits.hit("email", ids.sha256_hex(subject))
    except TooManyRequests:
        return False
    return True


def issue(tx: Transaction, subject: str, payload: Payload) -> str:
    """Add a challenge, and return its token. Revokes the previous challenge of this kind and subject."""
    secret, lookup_id = ids.new_secret(), _lookup_id(subject)
    challenge = StoredChallenge(
        kind=payload.kind,
        lookup_id=lookup_id,
        secret_sha256=ids.sha256_hex(secret),
        expires_at=clock.now() + payload.lifetime,
        payload=json.dumps(asdict(payload)),
    )
    store.put_challenge(tx, challenge)
    return tokens.format_token(payload.kind, lookup_id, secret)


def verify(payload_type: type[P], token: str) -> Challenge[P]:
    """Return the challenge of a token. One round trip. Raises InvalidToken."""
    lookup_id, secret = tokens.parse(payload_type.kind, token)
    challenge = _find(payload_type, lookup_id)
    if challenge is None or not ids.constant_time_equal(ids.sha256_hex(secret), challenge.secret_sha256):
        raise InvalidToken
    return challenge


def find(payload_type: type[P], subject: str) -> P | None:
    """Return the payload of the challenge of a subject, or None. One round trip."""
    challenge = _find(payload_type, _lookup_id(subject))
    return challenge.payload if challenge else None


def consume(tx: Transaction, challenge: Challenge[P]) -> None:
    """Use a challenge up. The transaction raises InvalidToken if another request was faster."""
    store.consume_challenge(tx, challenge.payload.kind, challenge.lookup_id, challenge.secret_sha256)


def revoke(tx: Transaction, payload_type: type[Payload], subject: str) -> None:
    """Revoke the challenge of a subject, if there is one."""
    store.delete_challenge(tx, payload_type.kind, _lookup_id(subject))


def _find(payload_type: type[P], lookup_id: str) -> Challenge[P] | None:
    stored = store.find_challenge(payload_type.kind, lookup_id)
    if stored is None or stored.expires_at <= clock.now():
        return None
    return Challenge(payload_type(**json.loads(stored.payload)), lookup_id, stored.secret_sha256)


def _lookup_id(subject: str) -> str:
    # Has the form of an ID, because the alphabet of IDs contains the hexadecimal digits.
    return ids.sha256_hex(subject)[:26]
