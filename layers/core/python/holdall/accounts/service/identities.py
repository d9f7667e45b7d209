"""Identities of providers that belong to a user."""

from holdall.accounts import store
from holdall.accounts.model import LinkedIdentity
from holdall.accounts.oauth.model import IdentityTaken, ProviderNotLinked
from holdall.audit.service import log
from holdall.emails import service as emails
from holdall.emails.model import SecurityNotice
from holdall.iam.model import Account, normalize_email
from holdall.iam.service import users
from holdall.platform.caller import ClientInfo
from holdall.platform.table import Transaction


def check_same_person(account: Account, email: str) -> None:
    """Check that an identity with this address, which its provider has verified, belongs to the owner of the account.

    If the owner has not proved the address, or has changed it meanwhile, the account may belong to another person, who signed
    up with an address of someone else ("pre-hijacking"). Raises ProviderNotLinked.
    """
    if not account.email_verified or normalize_email(account.user.email) != normalize_email(email):
        raise ProviderNotLinked


def link(tx: Transaction, client: ClientInfo, account: Account, identity: LinkedIdentity) -> None:
    """Link an identity, and tell the owner by email. The transaction raises IdentityTaken."""
    add(tx, account, identity)
    log(tx, client, "accounts.link_identity", account.user.id, actor=account.user.id)
    notice = SecurityNotice(account.user.name, f"The sign-in with {identity.provider} was added.")
    emails.enqueue(tx, account.user.email, notice)


def add(tx: Transaction, account: Account, identity: LinkedIdentity) -> None:
    """Add an identity to a new account. The transaction raises IdentityTaken."""
    users.assign_identity(tx, identity.unique_key, account.user.id, error=IdentityTaken)
    store.add_identity(tx, account.user.id, identity, error=IdentityTaken)
