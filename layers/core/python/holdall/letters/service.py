"""Letters: promised in the transaction of what they tell of, sent by a worker; after a crash twice rather than never."""

from datetime import timedelta

from holdall import clock, ids, mail, observe, queue
from holdall.config import settings
from holdall.errors import Unavailable
from holdall.letters import store
from holdall.letters.model import Kind, Letter
from holdall.letters.model import write as written
from holdall.table import Transaction

_PATIENCE = timedelta(seconds=30)


def promise(write: Transaction, kind: Kind, to: str, *, name: str = "", detail: str = "") -> Letter:
    """Add a letter to what a transaction does. Whoever opened the transaction posts it afterwards."""
    letter = Letter(ids.new_id(), kind, to, name, detail)
    store.add(write, letter)
    return letter


def post(letter: Letter) -> None:
    """Put a letter on its way. One that cannot be posted now is posted by the schedule, so nothing is raised."""
    try:
        _send(letter)
        store.sent(letter)
    except Unavailable:
        observe.event("letter.unposted", letter_id=letter.id)


def post_at_once(kind: Kind, to: str, *, name: str, detail: str) -> bool:
    """Post a letter that nobody promised: its sender makes another if it does not go out. Tells whether it did."""
    letter = Letter(ids.new_id(), kind, to, name, detail)
    try:
        _send(letter)
    except Unavailable:
        observe.event("letter.unposted", letter_id=letter.id)
        return False
    return True


def post_waiting() -> int:
    """Post what was promised and not posted; tells how many."""
    before = clock.now() - _PATIENCE
    waiting = [letter for shard in store.SHARDS for letter in store.waiting(shard, before)]
    for letter in waiting:
        post(letter)
    return len(waiting)


def deliver(message: dict[str, str]) -> None:
    """Send a letter that was posted; one to nobody is dropped here. Raises Unavailable: the message comes back."""
    letter = Letter(message["id"], Kind(message["kind"]), message["to"], message["name"], message["detail"])
    if letter.kind is Kind.NOBODY:
        return
    words = written(letter, settings().public_url)
    mail.send(letter.to, words.subject, words.text, words.html)
    observe.event("letter.sent", kind=letter.kind.value, letter_id=letter.id)


def _send(letter: Letter) -> None:
    queue.send_mail(
        {"kind": letter.kind.value, "id": letter.id, "to": letter.to, "name": letter.name, "detail": letter.detail}
    )
