"""Emails, with a transactional outbox: the transaction of a change also stores the email about it, which is sent afterwards.

If a process stops between the two, a schedule sends the email later. An email may be sent twice, but is never lost.
"""

from datetime import timedelta
from functools import partial

from holdall.emails import store
from holdall.emails.model import Discard, Email, EmailContent
from holdall.emails.templates import render
from holdall.platform import clock, ids, messaging, observability, ses
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.table import Transaction

_RESEND_AFTER = timedelta(seconds=30)


def enqueue(tx: Transaction, to: str, content: EmailContent) -> None:
    """Add an email to the outbox, and send it after the commit."""
    email = Email(ids.new_id(), to, content)
    store.add(tx, email)
    tx.on_commit(partial(_dispatch, email))


def send_now(to: str, content: EmailContent) -> bool:
    """Send an email without the outbox. Return False if the queue does not respond; the caller then tries again later."""
    return _send_to_queue(Email(ids.new_id(), to, content))


def dispatch_pending() -> int:
    """Send the emails that are still in the outbox after 30 seconds. Return their number. Raises ServiceUnavailable."""
    before = clock.now() - _RESEND_AFTER
    pending = [email for shard in store.SHARDS for email in store.list_pending(shard, before)]
    for email in pending:
        _dispatch(email)
    return len(pending)


def deliver(email: Email) -> None:
    """Send an email from the queue through SES. It is received again if this raises ServiceUnavailable.

    What SES refuses for good is counted and dropped, so that no one fills the dead-letter queue with invalid addresses.
    """
    if isinstance(email.content, Discard):
        return
    rendered = render(email, settings().public_url)
    try:
        ses.send(email.to, rendered.subject, rendered.text, rendered.html)
    except ses.EmailRejected:
        observability.count_metric("EmailRejected")
        observability.log_event("email.rejected", kind=email.content.kind, email_id=email.id)
    else:
        observability.log_event("email.sent", kind=email.content.kind, email_id=email.id)


def _dispatch(email: Email) -> None:
    """Move an email from the outbox to the queue. Raises nothing, because the schedule tries again."""
    if not _send_to_queue(email):
        return
    try:
        store.delete(email)
    except ServiceUnavailable:
        observability.log_event("email.not_deleted_from_outbox", email_id=email.id)


def _send_to_queue(email: Email) -> bool:
    try:
        messaging.send(email)
    except ServiceUnavailable:
        observability.log_event("email.dispatch_failed", email_id=email.id)
        return False
    return True
