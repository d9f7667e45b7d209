"""What the deployment decides. The only reader of the environment."""

import os
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_type_hints


@dataclass(frozen=True)
class Settings:
    """One field per environment variable, in capitals; `infra/catalog.py` gives every function all of them."""

    stage: str
    main_table: str
    credentials_table: str
    audit_table: str
    ephemeral_table: str
    originals_bucket: str
    variants_bucket: str
    audit_export_bucket: str  # empty: the audit table is not exported
    originals_url: str  # where a presigned URL of the bucket begins, without a slash at its end
    variants_url: str
    public_url: str  # of the distribution, without a slash at its end
    allowed_origins: str  # exact origins of browsers, joined by commas
    origin_verify_secret: str  # what only the distribution sends, see design section 4
    objects_queue_url: str
    images_queue_url: str
    work_queue_url: str
    mail_queue_url: str
    mail_sender: str  # the address that letters come from
    parameter_prefix: str  # of our SecureStrings, without a slash at its end
    sign_up: Literal["open", "invite", "closed"]
    email_verification: Literal["on", "off"]
    developer_tokens: Literal["on", "off"]  # whether `make token` works
    argon2_memory_kib: int  # KiB of argon2id
    argon2_time_cost: int
    upload_expiry_seconds: int  # seconds after init
    max_bytes: int  # of the whole installation, and so of any project
    max_files: int
    max_file_bytes: int
    rate_limits: str  # JSON: the name of each limit -> [requests, seconds]
    oauth_providers: str  # JSON: [{"name", "kind": "google" | "github" | "oidc", "issuer"?}]
    aws_region: str


@cache
def settings() -> Settings:
    """The settings of this deployment, read once per process.

    Raises KeyError naming a missing variable, and ValueError for a value that its field does not allow.
    """
    kinds = get_type_hints(Settings)
    return Settings(**{field.name: _parse(field.name.upper(), kinds[field.name]) for field in fields(Settings)})


def _parse(name: str, annotation: object) -> Any:
    text = os.environ[name]
    if annotation is int:
        return int(text)
    allowed = get_args(annotation)
    if allowed and text not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {text!r}")
    return text
