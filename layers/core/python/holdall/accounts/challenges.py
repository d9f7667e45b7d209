"""Challenges: secrets that somebody brings back to prove something, once, within a time, for one purpose and one subject.

There is one row for each purpose and subject, so a newer challenge makes the older void. Of the secret only a digest is kept.
"""

from datetime import timedelta

from holdall import clock, ids
from holdall.accounts import store
from holdall.accounts.model import Challenge
from holdall.iam import tokens
from holdall.iam.model import invalid_token
from holdall.iam.tokens import TokenKind
from holdall.table import Transaction

LIFETIMES = {
    TokenKind.VERIFY: timedelta(hours=24),
    TokenKind.RESET: timedelta(hours=1),
    TokenKind.EMAIL_CHANGE: timedelta(hours=24),
    TokenKind.INVITATION: timedelta(days=7),
    TokenKind.MFA: timedelta(minutes=5),
    TokenKind.STATE: timedelta(minutes=10),
}


def pose(write: Transaction, kind: TokenKind, subject: str, **content: str) -> str:
    """Ask somebody to bring back the token that is returned; what was asked of the same subject before is void."""
    secret = ids.new_secret()
    place = place_of(subject)
    expires_at = clock.now() + LIFETIMES[kind]
    store.put_challenge(write, Challenge(kind, place, ids.digest(secret), expires_at, content))
    return tokens.write(kind, place, secret)


def place_of(subject: str) -> str:
    """Where the challenges of a subject lie. Hexadecimal digits are letters of our alphabet."""
    return ids.digest(subject)[:26]


def void(write: Transaction, kind: TokenKind, subject: str) -> None:
    """Make void what may have been asked of a subject."""
    store.void_challenge(write, kind, place_of(subject))


def look(kind: TokenKind, token: str) -> Challenge:
    """The challenge that a token answers. One round trip. Raises Unauthenticated."""
    place, secret = tokens.read(kind, token)
    challenge = store.find_challenge(kind, place)
    if challenge is None or challenge.expires_at <= clock.now() or not ids.same(ids.digest(secret), challenge.digest):
        raise invalid_token()
    return challenge


def found(kind: TokenKind, subject: str) -> Challenge | None:
    """What was asked of a subject and may still be answered. One round trip."""
    challenge = store.find_challenge(kind, place_of(subject))
    return challenge if challenge and challenge.expires_at > clock.now() else None


def take(write: Transaction, challenge: Challenge) -> None:
    """Use a challenge up: of two at once, one wins. The transaction raises Unauthenticated for the other."""
    store.remove_challenge(write, challenge, otherwise=invalid_token())
