"""Whom we let vouch for people, what they tell of somebody, and the two ways in which that fails."""

from dataclasses import dataclass, field
from typing import Literal

from holdall.platform import observability
from holdall.platform.errors import ServiceUnavailable, Unauthenticated


@dataclass(frozen=True)
class Provider:
    """Somebody who vouches for people, as the installation configured it. Its secret shows in no representation."""

    name: str  # as our routes say it
    kind: Literal["oidc", "github"]
    issuer: str  # who speaks; beside the subject it is what an identity is known by, so it must never change
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]
    issuer_aliases: frozenset[str] = frozenset()  # other names that the issuer signs with
    api_url: str = ""  # GitHub's alone: where it tells who somebody is


@dataclass(frozen=True)
class Identity:
    """Somebody, as a provider knows them. Only `issuer` and `subject` together identify (OpenID Connect Core, 5.7)."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool  # by the provider; False where it did not say so
    name: str | None


def google(client_id: str, client_secret: str) -> Provider:
    """Google, which by its own documentation signs with either form of its issuer."""
    return oidc(
        "google",
        "https://accounts.google.com",
        client_id,
        client_secret,
        issuer_aliases=frozenset({"accounts.google.com"}),
    )


def oidc(
    name: str, issuer: str, client_id: str, client_secret: str, *, issuer_aliases: frozenset[str] = frozenset()
) -> Provider:
    """Any OpenID Connect issuer; everything else it tells itself (OpenID Connect Discovery 1.0)."""
    return Provider(name, "oidc", issuer, client_id, client_secret, ("openid", "email", "profile"), issuer_aliases)


def github(
    client_id: str, client_secret: str, *, site: str = "https://github.com", api: str = "https://api.github.com"
) -> Provider:
    """GitHub, or a GitHub Enterprise Server at addresses of its own, without a slash at their ends.

    The numbers of people are those of a site, so the site is the issuer.
    """
    return Provider("github", "github", site, client_id, client_secret, ("read:user", "user:email"), api_url=api)


def provider_unavailable(provider: Provider, reason: str) -> ServiceUnavailable:
    """The failure of a provider that does not answer as it should. `reason` is a word of ours, never of an answer."""
    observability.log_event("oauth.provider_unavailable", provider=provider.name, reason=reason)
    return ServiceUnavailable(f"{provider.name} is not available. Try again later.", code="provider_unavailable")


def oauth_failed(provider: Provider, reason: str) -> Unauthenticated:
    """The failure of a sign-in that the provider, or we, do not accept. The reason is told to the log alone."""
    observability.log_event("oauth.failed", provider=provider.name, reason=reason)
    return Unauthenticated(f"The sign-in with {provider.name} failed. Try again.", code="oauth_failed")
