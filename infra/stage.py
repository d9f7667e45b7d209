"""The stages in `cdk.json`. All differences between a local and a cloud deployment are values of a stage."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator
from pydantic.alias_generators import to_camel

DEFAULT_PORT = 4566
_CONFIG = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)
_CDK_JSON = Path(__file__).parents[1] / "cdk.json"

Switch = Literal["on", "off"]
Concurrency = Annotated[int, Field(ge=2)]  # the minimum of SQS's MaximumConcurrency


class InvalidStage(Exception):
    """`cdk.json` has no such stage, or a value is missing, unknown or not valid. The message is for people."""


class _StageModel(BaseModel):
    model_config = _CONFIG


class ApiOrigin(_StageModel):
    """The HTTP API as the origin of the distribution. `domain` and `path` are templates of {apiId} and {region}."""

    protocol: Literal["https", "http"]
    domain: str
    path: str


class Throttle(_StageModel):
    """Requests per second that API Gateway accepts from all callers together."""

    rate: PositiveInt
    burst: PositiveInt


class OAuthProvider(_StageModel):
    """A provider that users can sign in with."""

    name: str
    kind: Literal["google", "github", "oidc"]
    issuer: str | None = None  # of kind oidc
    site: str | None = None  # `site` and `api`: URLs of a GitHub Enterprise Server
    api: str | None = None


class EdgeStore(_StageModel):
    """The edge store: a bucket of a server that speaks plain S3. See docs/edge.md."""

    endpoint: Annotated[str, Field(pattern=r"^https?://[^/@]+$")]  # for the functions
    public_endpoint: Annotated[str, Field(pattern=r"^https?://[^/@]+$")]  # for clients
    bucket: Annotated[str, Field(min_length=3, max_length=63)]
    region: str
    delete_after_sync: Switch  # whether a copy that has moved to S3 is deleted at the edge
    sync_schedule: Annotated[str, Field(pattern=r"^cron\([0-5]?[0-9] ([01]?[0-9]|2[0-3]) \* \* \? \*\)$")]  # in UTC


class Stage(_StageModel):
    """One entry of `stages` in `cdk.json`. See docs/operations.md for what each value does."""

    name: str
    port: int  # of the local cloud; only templates with {port} use it
    stack_name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,31}$")]  # names in CloudFront contain it
    credentials: Literal["bootstrap", "cli"]  # deploy with the roles of `cdk bootstrap`, or with the caller's own
    layer_platform: Literal["lambda", "host"]  # the machine that third-party packages are downloaded for
    public_url: str  # template of {domain}, {label} (first part of the domain), {port}; unused with `aliases`
    aliases: tuple[str, ...]  # our own domains; the first is that of every URL
    # Of all aliases. CloudFront reads certificates in us-east-1 only ("Requirements for using SSL/TLS certificates").
    certificate_arn: Annotated[str, Field(pattern=r"^(arn:aws:acm:us-east-1:\d{12}:certificate/.+)?$")]
    api_url: str  # template of {apiId}, {region}, {port}
    api_origin: ApiOrigin
    bucket_url: str  # template of {bucket}, {region}, {port}: the start of presigned URLs
    bucket_origins: str  # template of {region}, {port}: the sources of all buckets, for the CSP
    allowed_origins: tuple[str, ...]  # of browsers, in addition to our own
    sign_up: Literal["open", "invite", "closed"]
    email_verification: Switch
    developer_tokens: Switch  # whether `make token` works; "off" in every stage that strangers can reach
    virtual_clock: Switch  # whether `make clock` moves the time; refused unless the API is on this machine
    mail_sender: str  # the email address of the sender, verified with SES; if empty, no email is sent
    mail_identity: Literal["none", "address", "domain"]  # what the stack creates in SES for the sender
    password_memory: PositiveInt  # KiB
    password_passes: PositiveInt
    max_bytes: PositiveInt  # of the installation
    max_files: PositiveInt
    max_file_bytes: PositiveInt
    max_bytes_per_project: PositiveInt  # unless its owners set another limit
    max_files_per_project: PositiveInt
    max_open_bytes_per_user: PositiveInt  # reserved by open uploads
    max_open_bytes_per_project: PositiveInt
    rate_limits: Mapping[str, tuple[PositiveInt, PositiveInt]]  # name -> requests, seconds
    oauth_providers: tuple[OAuthProvider, ...]
    edge_store: EdgeStore | None  # where projects may keep new files until the night; None: all files are in S3
    throttle: Throttle
    expire_uploads_minutes: PositiveInt
    ingest_workers: Concurrency
    image_workers: Concurrency
    maintenance_workers: Concurrency
    mail_workers: Concurrency
    log_retention_days: PositiveInt
    tracing: Switch  # of every call by X-Ray, which costs money
    audit_export: Switch  # whether the audit table is copied every night to a bucket with Object Lock
    audit_export_days: PositiveInt  # days for which no one can delete a copy
    alarm_email: str  # if empty, alarms are shown only on the dashboard
    monthly_budget: PositiveInt  # dollars, of the whole account; only with `alarm_email`

    @model_validator(mode="after")
    def _identity_has_a_sender(self) -> Self:
        if self.mail_identity != "none" and not self.mail_sender:
            raise ValueError("mailIdentity needs mailSender")
        return self

    @model_validator(mode="after")
    def _edge_store_in_aws_has_tls(self) -> Self:
        store = self.edge_store
        if store is not None and self.credentials == "bootstrap" and "http:" in store.endpoint + store.public_endpoint:
            raise ValueError("edgeStore needs https")
        return self

    @model_validator(mode="after")
    def _virtual_clock_is_on_this_machine(self) -> Self:
        if self.virtual_clock == "on" and not self.api_url.startswith("http://127.0.0.1:"):
            raise ValueError("virtualClock works on a laptop only")
        return self

    @model_validator(mode="after")
    def _aliases_have_a_certificate(self) -> Self:
        if bool(self.aliases) != bool(self.certificate_arn):
            raise ValueError("aliases and certificateArn need each other")
        return self

    @model_validator(mode="after")
    def _largest_file_can_be_uploaded(self) -> Self:
        limits = ("max_bytes", "max_open_bytes_per_user", "max_open_bytes_per_project")
        too_low = [to_camel(name) for name in limits if getattr(self, name) < self.max_file_bytes]
        if too_low:
            raise ValueError(f"maxFileBytes is more than {' and '.join(too_low)}, so no one could upload such a file")
        return self

    @property
    def parameter_prefix(self) -> str:
        """Return the prefix of our SecureStrings. It names the stack, because two stacks may share an account."""
        return f"/{self.stack_name}"

    def is_enabled(self, setting: str | None) -> bool:
        """Return whether the switch of this name is on, or the stage has a value for it. None is always on."""
        return setting is None or getattr(self, setting) not in ("off", None)

    @classmethod
    def load(
        cls,
        name: str,
        *,
        port: int = DEFAULT_PORT,
        overrides: Mapping[str, Any] | None = None,
        cdk_json: Path = _CDK_JSON,
    ) -> Self:
        """Read a stage from `cdk.json`, and replace the values in `overrides`. Raises InvalidStage."""
        stages = json.loads(cdk_json.read_text())["context"]["stages"]
        if name not in stages:
            raise InvalidStage(f"cdk.json has no stage {name!r}, only: {', '.join(stages)}.")
        try:
            return cls(name=name, port=port, **{**stages[name], **(overrides or {})})
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise InvalidStage(f"Stage {name!r} in cdk.json is not valid. {'; '.join(problems)}.") from error
