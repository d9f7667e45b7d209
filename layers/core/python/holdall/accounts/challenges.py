"""Challenges: secrets that somebody brings back to prove something, once, within a time, for one purpose and one subject.

There is one row for each purpose and subject, so a newer challenge makes the older void. Of the secret only a digest is kept.
"""

from datetime import timedelta

from holdall.accounts import store
from holdall.accounts.model import Challenge
from holdall.iam import tokens
from holdall.iam.model import invalid_token
from holdall.iam.tokens import TokenKind
from holdall.platform import clock, ids
from holdall.platform.table import Transaction

LIFETIMES = {
    TokenKind.EMAIL_VERIFICATION: timedelta(hours=24),
    TokenKind.RESET: timedelta(hours=1),
    TokenKind.EMAIL_CHANGE: timedelta(hours=24),
    TokenKind.ACCOUNT_INVITATION: timedelta(days=7),
    TokenKind.MFA: timedelta(minutes=5),
    TokenKind.OAUTH_STATE: timedelta(minutes=10),
}


def issue(tx: Transaction, kind: TokenKind, subject: str, **payload: str) -> str:
    """Ask somebody to bring back the token that is returned; what was asked of the same subject before is void."""
    secret = ids.new_secret()
    place = lookup_id(subject)
    expires_at = clock.now() + LIFETIMES[kind]
    store.put_challenge(tx, Challenge(kind, place, ids.sha256_hex(secret), expires_at, payload))
    return tokens.format_token(kind, place, secret)


def lookup_id(subject: str) -> str:
    """Where the challenges of a subject lie. Hexadecimal digits are letters of our alphabet."""
    return ids.sha256_hex(subject)[:26]


def revoke(tx: Transaction, kind: TokenKind, subject: str) -> None:
    """Make void what may have been asked of a subject."""
    store.delete_challenge(tx, kind, lookup_id(subject))


def verify(kind: TokenKind, token: str) -> Challenge:
    """The challenge that a token answers. One round trip. Raises Unauthenticated."""
    place, secret = tokens.parse(kind, token)
    challenge = store.find_challenge(kind, place)
    if (
        challenge is None
        or challenge.expires_at <= clock.now()
        or not ids.constant_time_equal(ids.sha256_hex(secret), challenge.secret_sha256)
    ):
        raise invalid_token()
    return challenge


def find(kind: TokenKind, subject: str) -> Challenge | None:
    """What was asked of a subject and may still be answered. One round trip."""
    challenge = store.find_challenge(kind, lookup_id(subject))
    return challenge if challenge and challenge.expires_at > clock.now() else None


def consume(tx: Transaction, challenge: Challenge) -> None:
    """Use a challenge up: of two at once, one wins. The transaction raises Unauthenticated for the other."""
    store.consume_challenge(tx, challenge, error=invalid_token())
