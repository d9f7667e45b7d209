"""The settings of the deployment. No other module reads the environment."""

import os
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Literal

from pydantic import BeforeValidator, Json, TypeAdapter

OptionalText = Annotated[str | None, BeforeValidator(lambda text: text or None)]  # an empty variable is None
Origins = Annotated[frozenset[str], BeforeValidator(lambda text: frozenset(text.split(",")))]


@dataclass(frozen=True)
class EdgeStore:
    """The edge store: a bucket of a server that speaks plain S3. Its credentials are a parameter."""

    endpoint: str  # for the functions; all URLs without a slash at the end
    public_endpoint: str  # for clients
    bucket: str
    region: str
    delete_after_sync: bool


OptionalEdgeStore = Annotated[Json[EdgeStore] | None, BeforeValidator(lambda text: text or None)]


@dataclass(frozen=True)
class Settings:
    """A field for each environment variable, in lower case. `infra/constructs/environment.py` sets them for each function."""

    stage: str
    main_table: str
    credentials_table: str
    audit_table: str
    ephemeral_table: str
    originals_bucket: str
    variants_bucket: str
    audit_export_bucket: OptionalText  # None: the audit table is not exported
    edge_store: OptionalEdgeStore  # None: all originals are in S3
    originals_url: str  # the start of presigned URLs of the bucket, without a slash at the end
    variants_url: str
    public_url: str  # of the distribution, without a slash at the end
    allowed_origins: Origins  # of browsers, without wildcards
    origin_verify_secret: str  # in a header of the distribution (design, section 4)
    objects_queue_url: str
    images_queue_url: str
    work_queue_url: str
    images_dead_letters_url: str
    work_dead_letters_url: str
    mail_queue_url: str
    mail_sender: str  # the address that emails come from
    parameter_prefix: str  # of our SecureStrings, without a slash at the end
    sign_up: Literal["open", "invite", "closed"]
    email_verification: bool
    developer_tokens: bool  # whether `make token` works
    virtual_clock: bool  # whether `make clock` moves the time; on a laptop only
    argon2_memory_kib: int
    argon2_time_cost: int
    max_bytes: int  # of the installation
    max_files: int
    max_file_bytes: int
    max_bytes_per_project: int  # unless its owners set another limit
    max_files_per_project: int
    max_open_bytes_per_user: int  # reserved by open uploads
    max_open_bytes_per_project: int
    rate_limits: Json[dict[str, tuple[int, int]]]  # requests and seconds by name
    schedules: Json[dict[str, str]]  # of tasks: the expressions of EventBridge Scheduler
    oauth_providers: str  # JSON: [{"name", "kind": "google" | "github" | "oidc", "issuer"?}]
    aws_region: str


@cache
def settings() -> Settings:
    """Return the settings. Raises KeyError for a missing variable, and ValueError for one with another type."""
    values = {field.name: os.environ[field.name.upper()] for field in fields(Settings)}
    return TypeAdapter(Settings).validate_python(values)
