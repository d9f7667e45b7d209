"""The values of a stage, as `cdk.json` gives them. What differs between a laptop and a cloud stands there alone."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

DEFAULT_PORT = 4566


class InvalidStage(Exception):
    """`cdk.json` does not say what a stage has to say. The message is meant for people."""


@dataclass(frozen=True)
class ApiOrigin:
    """How the distribution reaches the HTTP API. `domain` and `path` are templates of `{apiId}` and `{region}`."""

    protocol: Literal["https", "http"]
    domain: str
    path: str


@dataclass(frozen=True)
class Throttle:
    """Requests per second that the gateway lets through, for all callers together."""

    rate: int
    burst: int


@dataclass(frozen=True)
class Stage:
    """One entry of `stages` in `cdk.json`; `docs/operations.md` tells what each value does."""

    name: str
    port: int  # of the local cloud; a template without `{port}` does not ask for it
    stack_name: str
    credentials: Literal["bootstrap", "cli"]  # whose rights deploy: the bootstrap's roles, or those of the command line
    layer_platform: Literal["lambda", "host"]  # for which machine third-party packages are fetched
    public_url: str  # template of {domain}, {label} (first part of the domain), {port}
    api_url: str  # template of {apiId}, {region}, {port}
    api_origin: ApiOrigin
    bucket_url: str  # template of {bucket}, {region}, {port}: where a presigned URL of a bucket begins
    bucket_origins: str  # template of {region}, {port}: the same without the bucket, as a source in a CSP
    allowed_origins: tuple[str, ...]  # of browsers, besides our own
    sign_up: Literal["open", "invite", "closed"]
    email_verification: Literal["on", "off"]
    developer_tokens: Literal["on", "off"]  # whether `make token` works: in no stage that strangers can reach
    mail_sender: str  # the address that letters come from, verified with SES; empty: none are sent
    password_memory: int  # KiB
    password_passes: int
    upload_expiry: int  # seconds
    max_bytes: int
    max_files: int
    max_file_bytes: int
    rate_limits: Mapping[
        str, Sequence[int]
    ]  # name -> requests, seconds: by network, account, user or key, as docs/operations.md tells
    oauth_providers: Sequence[Mapping[str, str]]  # {"name", "kind": google | github | oidc, "issuer"?, "site"?, "api"?}
    throttle: Throttle
    expire_uploads_minutes: int
    image_workers: int  # calls of imageproc at once, at least 2
    maintenance_workers: int  # messages of long work at once, at least 2
    log_retention_days: int
    audit_export: Literal["on", "off"]  # whether the audit table is copied each night to a bucket that keeps it
    audit_export_days: int  # how long nobody can delete a copy
    alarm_email: str  # empty: alarms are only shown

    def is_enabled(self, setting: str | None) -> bool:
        """Whether a switch, named by its field, is on; what has none is always there."""
        return setting is None or getattr(self, setting) == "on"

    @classmethod
    def from_context(
        cls,
        name: str,
        stages: Mapping[str, Mapping[str, Any]],
        port: int = DEFAULT_PORT,
        overrides: Mapping[str, Any] | None = None,
    ) -> Self:
        """The stage called `name`, but for the values that a test says otherwise. Raises BadStage."""
        if name not in stages:
            raise InvalidStage(f"cdk.json has no stage {name!r}, only: {', '.join(stages)}.")
        given = {**stages[name], **(overrides or {})}
        names = {field.name: _to_camel(field.name) for field in dataclasses.fields(cls)}
        expected = set(names.values()) - {"name", "port"}
        if given.keys() != expected:
            differing = ", ".join(sorted(given.keys() ^ expected))
            raise InvalidStage(f"Stage {name!r} in cdk.json has too much or too little: {differing}.")
        given["apiOrigin"] = ApiOrigin(**given["apiOrigin"])
        given["throttle"] = Throttle(**given["throttle"])
        given["allowedOrigins"] = tuple(given["allowedOrigins"])
        return cls(name=name, port=port, **{field: given[key] for field, key in names.items() if key in expected})


def _to_camel(field: str) -> str:
    return re.sub("_([a-z])", lambda match: match[1].upper(), field)
