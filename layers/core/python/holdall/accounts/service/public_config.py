"""What a sign-in page has to know about the installation."""

import json
from typing import Literal

from holdall.platform.config import settings
from holdall.platform.schemas import ResponseModel

_CONTRACT_VERSION = "1"  # of the OpenAPI document


class SignInProvider(ResponseModel):
    """A provider that `GET /auth/oauth/{name}/start` leads to."""

    name: str
    kind: Literal["google", "github", "oidc"]


class PublicConfig(ResponseModel):
    """The settings of the installation that are no secret. `edge`: projects may use the edge store."""

    sign_up: Literal["open", "invite", "closed"]
    email_verification: bool
    providers: list[SignInProvider]
    max_file_bytes: int
    edge: bool
    version: str


def get() -> PublicConfig:
    """Return the settings. Of a provider only the name and the kind."""
    config = settings()
    return PublicConfig(
        sign_up=config.sign_up,
        email_verification=config.email_verification,
        providers=[SignInProvider(name=each["name"], kind=each["kind"]) for each in json.loads(config.oauth_providers)],
        max_file_bytes=config.max_file_bytes,
        edge=config.edge_store is not None,
        version=_CONTRACT_VERSION,
    )
