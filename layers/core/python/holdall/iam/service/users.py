"""Who there is: users, their addresses and their identities."""

from datetime import timedelta

from holdall import clock, ids
from holdall.audit.service import record
from holdall.caller import Caller
from holdall.errors import Failure, NotFound
from holdall.iam.model import Known, User, invalid_token
from holdall.iam.store import users as store
from holdall.page import Page, PageRequest
from holdall.roles import service as roles
from holdall.table import Awaited, Reading, Transaction

_ADDRESS_KEPT = timedelta(days=30)


def add_user(write: Transaction, user: User, address: str, *, proven: bool) -> None:
    """Add a user as a part of a sign-up, and take their address in its normal form. The transaction raises Conflict for a role
    that is gone.
    """
    store.add_user(write, user, address, proven=proven)
    roles.given(write, user.roles, active=True)


def user_id_of_identity(identity: str) -> str | None:
    """Whose identity with a provider this is."""
    return store.user_id_of_identity(identity)


def take_identity(write: Transaction, identity: str, user_id: str, *, otherwise: Failure) -> None:
    """Give an identity with a provider to a user, if it is nobody's."""
    store.take_identity(write, identity, user_id, otherwise=otherwise)


def release_identity(write: Transaction, identity: str) -> None:
    """Take an identity with a provider from its user."""
    store.release_identity(write, identity)


def user_id_of(address: str) -> str | None:
    """Whose address, in its normal form, this is."""
    return store.user_id_of(address)


def user(read: Reading, user_id: str) -> Awaited[Known]:
    """A user, in whatever state."""
    return store.user(read, user_id)


def known(user_id: str) -> Known | None:
    """A user who is active, or None. One round trip."""
    with Reading() as read:
        found = store.user(read, user_id)
    return found.value if found.value and found.value.user.status == "active" else None


def myself(caller: Caller) -> Known:
    """The caller's own user. One round trip. Raises Unauthenticated when they are gone at this moment."""
    found = known(caller.user_id)
    if found is None:
        raise invalid_token()
    return found


def page(asked: PageRequest) -> Page[User]:
    """All users, newest first. One round trip."""
    return store.users(asked)


def find(user_id: str) -> User:
    """A user, disabled or not. One round trip. Raises NotFound, for one who was deleted too."""
    with Reading() as read:
        found = store.user(read, ids.as_id(user_id))
    return there(found.value).user


def with_rights(user_id: str) -> tuple[Known, frozenset[str]]:
    """A user, and what their roles hold. One round trip, and that of roles which are not remembered. Raises NotFound."""
    with Reading() as read:
        found, epoch = store.user(read, ids.as_id(user_id)), roles.epoch(read, user_id)
    known = there(found.value)
    return known, roles.held(known.user.roles, epoch.value or 0)


def there(found: Known | None) -> Known:
    """A user who is not deleted. Raises NotFound."""
    if found is None or found.user.status == "deleted":
        raise NotFound
    return found


def change(write: Transaction, seen: Known, changed: User, *, otherwise: Failure) -> None:
    """Change name, status and roles over the view that it was decided on, and the counters that follow from them. Who is
    disabled has no session any more. The transaction raises Conflict for the last superuser and for a role that is gone.
    """
    before, after = seen.user, changed
    store.change(write, seen, changed, otherwise=otherwise)
    if before.status != after.status:
        roles.switched(write, before.roles, active=after.status == "active")
    active = after.status == "active"
    roles.given(write, [name for name in after.roles if name not in before.roles], active=active)
    roles.taken(write, [name for name in before.roles if name not in after.roles], active=active)


def check_active(write: Transaction, user_id: str) -> None:
    """Hold only while a user is active. The transaction raises Unauthenticated."""
    store.check_active(write, user_id, otherwise=invalid_token())


def check_counts(write: Transaction, known: Known, *, otherwise: Failure) -> None:
    """Hold only while a user is active, and nothing that guards the account was changed since they were read."""
    store.check_active(write, known.user.id, known.generation, otherwise=otherwise)


def rename(caller: Caller, name: str) -> User:
    """Change the caller's name."""
    user = myself(caller).user
    with Transaction() as write:
        store.rename(write, user.id, name, otherwise=invalid_token())
        record(write, caller, "users.rename", user.id)
    return user.model_copy(update={"name": name})


def change_address(write: Transaction, user: User, old: str, new: str, email: str, *, otherwise: Failure) -> None:
    """Give a user another address, old and new in their normal form."""
    store.change_address(write, user, old, new, email, otherwise=otherwise)


def bury(write: Transaction, known: Known, address: str, *, otherwise: Failure) -> None:
    """Delete a user and end their sessions; the address is free again after 30 days. The transaction raises Conflict for the
    last superuser.
    """
    roles.taken(write, known.user.roles, active=known.user.status == "active")
    store.bury(write, known, address, clock.now() + _ADDRESS_KEPT, otherwise=otherwise)
