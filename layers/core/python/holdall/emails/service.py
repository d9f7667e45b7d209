"""Letters: promised in the transaction of what they tell of, sent by a worker; after a crash twice rather than never."""

from datetime import timedelta

from holdall.emails import store
from holdall.emails.model import Email, EmailKind, render
from holdall.platform import clock, ids, messaging, observability, ses
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.table import Transaction

_RESEND_AFTER = timedelta(seconds=30)


def enqueue(tx: Transaction, kind: EmailKind, to: str, *, name: str = "", detail: str = "") -> Email:
    """Add a letter to what a transaction does. Whoever opened the transaction posts it afterwards."""
    letter = Email(ids.new_id(), kind, to, name, detail)
    store.add(tx, letter)
    return letter


def dispatch(email: Email) -> None:
    """Put a letter on its way. One that cannot be posted now is posted by the schedule, so nothing is raised."""
    try:
        _send_to_queue(email)
        store.delete_sent(email)
    except ServiceUnavailable:
        observability.log_event("email.dispatch_failed", email_id=email.id)


def send_now(kind: EmailKind, to: str, *, name: str, detail: str) -> bool:
    """Post a letter that nobody promised: its sender makes another if it does not go out. Tells whether it did."""
    letter = Email(ids.new_id(), kind, to, name, detail)
    try:
        _send_to_queue(letter)
    except ServiceUnavailable:
        observability.log_event("email.dispatch_failed", email_id=letter.id)
        return False
    return True


def dispatch_pending() -> int:
    """Post what was promised and not posted; tells how many."""
    before = clock.now() - _RESEND_AFTER
    waiting = [letter for shard in store.SHARDS for letter in store.list_pending(shard, before)]
    for letter in waiting:
        dispatch(letter)
    return len(waiting)


def deliver(message: dict[str, str]) -> None:
    """Send a letter that was posted; one to nobody is dropped here. Raises Unavailable: the message comes back."""
    letter = Email(message["id"], EmailKind(message["kind"]), message["to"], message["name"], message["detail"])
    if letter.kind is EmailKind.DISCARD:
        return
    words = render(letter, settings().public_url)
    ses.send(letter.to, words.subject, words.text, words.html)
    observability.log_event("email.sent", kind=letter.kind.value, email_id=letter.id)


def _send_to_queue(email: Email) -> None:
    messaging.send_email_message(
        {"kind": email.kind.value, "id": email.id, "to": email.to, "name": email.name, "detail": email.detail}
    )
