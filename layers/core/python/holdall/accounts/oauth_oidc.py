"""Signing in with an OpenID Connect issuer (Core 1.0, section 3.1; Discovery 1.0, section 4)."""

import time
from dataclasses import dataclass
from typing import Any, Final

from holdall import ids
from holdall.accounts import oauth_code, oauth_id_token
from holdall.accounts.oauth_http import Answer, Conversation
from holdall.accounts.oauth_model import Identity, refused, silent

_KEPT: Final = 3600.0  # seconds that a document is believed in without being seen again


@dataclass(frozen=True)
class Metadata:
    """What an issuer tells of itself, as far as we ask."""

    authorize: str
    token: str
    jwks: str
    userinfo: str | None
    method: oauth_code.Method
    names_itself: bool  # in its answer to the browser (RFC 9207)
    read_at: float


_documents: dict[str, Metadata] = {}


def discover(talk: Conversation) -> Metadata:
    """What the issuer tells of itself, read once an hour. Raises Unavailable."""
    known = _documents.get(talk.provider.issuer)
    if known is None or time.monotonic() - known.read_at > _KEPT:
        known = _documents[talk.provider.issuer] = _read(talk)
    return known


def authorize_url(talk: Conversation, *, redirect_uri: str, state: str, nonce: str, code_challenge: str) -> str:
    """Where the browser goes. Raises Unavailable."""
    return oauth_code.request_url(
        discover(talk).authorize,
        talk.provider,
        redirect_uri=redirect_uri,
        state=state,
        code_challenge=code_challenge,
        nonce=nonce,
    )


def exchange(
    talk: Conversation, *, code: str, verifier: str, redirect_uri: str, nonce: str, iss: str | None
) -> Identity:
    """Who came back with a code. Raises Unauthenticated, Unavailable."""
    metadata = discover(talk)
    # A code of another issuer must not even be shown to this one (RFC 9207, section 2.4).
    if (iss is None and metadata.names_itself) or (iss is not None and iss != talk.provider.issuer):
        raise refused(talk.provider, "iss")
    access_token, answer = oauth_code.redeem(
        talk, metadata.token, code=code, verifier=verifier, redirect_uri=redirect_uri, method=metadata.method
    )
    id_token = answer.text("id_token")
    if id_token is None:
        raise silent(talk.provider, "no_id_token")
    claims = oauth_id_token.verify(talk, id_token, jwks=metadata.jwks, nonce=nonce, access_token=access_token)
    profile = Answer(200, claims)
    if profile.text("email") is None and metadata.userinfo is not None:
        profile = _userinfo(talk, metadata.userinfo, access_token, claims["sub"])
    return Identity(
        issuer=talk.provider.issuer,
        subject=claims["sub"],
        email=profile.text("email"),
        # Of the same document as the address, and no text or number that only reminds of the truth.
        email_verified=profile.text("email") is not None and profile.part("email_verified") is True,
        name=profile.text("name") or profile.text("preferred_username"),
    )


def _userinfo(talk: Conversation, address: str, access_token: str, subject: str) -> Answer:
    """What the issuer tells of somebody beside the token, believed only about the same subject (Core 1.0, section 5.3.2)."""
    answer = talk.get(address, bearer=access_token)
    if answer.status in (401, 403):
        raise refused(talk.provider, "userinfo")
    if answer.status != 200:
        raise silent(talk.provider, "userinfo")
    said = answer.text("sub")
    if said is None or not said.isascii() or not ids.same(said, subject):
        raise refused(talk.provider, "userinfo.subject")
    return answer


def _read(talk: Conversation) -> Metadata:
    issuer = talk.provider.issuer
    answer = talk.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if answer.status != 200 or answer.part("issuer") != issuer:
        raise silent(talk.provider, "discovery")
    userinfo = answer.part("userinfo_endpoint")
    return Metadata(
        authorize=talk.address(answer.part("authorization_endpoint")),
        token=talk.address(answer.part("token_endpoint")),
        jwks=talk.address(answer.part("jwks_uri")),
        userinfo=None if userinfo is None else talk.address(userinfo),
        method=_method(talk, answer.part("token_endpoint_auth_methods_supported")),
        names_itself=answer.part("authorization_response_iss_parameter_supported") is True,
        read_at=time.monotonic(),
    )


def _method(talk: Conversation, supported: Any) -> oauth_code.Method:
    """How we say who we are; by default in a header (Discovery 1.0, section 3)."""
    if supported is None or (isinstance(supported, list) and "client_secret_basic" in supported):
        return "client_secret_basic"
    if isinstance(supported, list) and "client_secret_post" in supported:
        return "client_secret_post"
    raise silent(talk.provider, "discovery.method")
