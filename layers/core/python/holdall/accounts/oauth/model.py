"""Identities of OAuth providers, and what can fail when a user signs in with one."""

from dataclasses import dataclass
from datetime import datetime

from holdall.iam.model import EmailTaken
from holdall.platform.errors import Conflict, Forbidden, ServiceUnavailable, Unauthenticated


class ProviderUnavailable(ServiceUnavailable):
    """The provider does not respond, or its response is not valid. The log has the reason."""

    code, detail = "provider_unavailable", "The provider is not available. Try again later."


class OAuthFailed(Unauthenticated):
    """The provider refused the code, or its response proves nothing. Only the log has the reason."""

    code, detail = "oauth_failed", "The sign-in with the provider failed. Try again."


class AccessDenied(Unauthenticated):
    """The provider sent the browser back without a code (RFC 6749, section 4.1.2.1)."""

    code, detail = "access_denied", "The sign-in was denied or cancelled at the provider."


class EmailUnverified(Forbidden):
    """A new account needs an address that the provider has verified."""

    code, detail = "email_unverified", "The provider has not verified an email address of yours."


class ProviderNotLinked(EmailTaken):
    """An account has the address, and may belong to another person, because its owner has not proved the address."""

    detail = "An account with this email address exists. Sign in to it, then link this provider."


class IdentityTaken(Conflict):
    code = "identity_taken"
    detail = "This identity belongs to another account, or your account already has an identity of this provider."


class LastSignInMethod(Conflict):
    code, detail = "last_sign_in_method", "This is your last sign-in method. Set a password first."


@dataclass(frozen=True)
class Identity:
    """A user of a provider. Only `issuer` and `subject` together are unique (OpenID Connect Core 1.0, section 5.7)."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool  # by the provider
    name: str | None
    authenticated_at: datetime | None = None  # when the user last showed a credential to the provider, if it says so
