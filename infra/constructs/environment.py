"""What every function is told: one variable for each field of `holdall.config.Settings`. A house test compares."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Aws

from infra.catalog import Resource
from infra.constructs.buckets import Exports, Originals, Variants
from infra.constructs.functions import stack_uuid
from infra.constructs.queues import Queues
from infra.constructs.tables import Tables
from infra.stage import Stage


@dataclass(frozen=True)
class Parts:
    """The parts of the stack that functions are told about."""

    tables: Tables
    queues: Queues
    originals: Originals
    variants: Variants
    exports: Exports | None  # where the stage wants it


def environment(stage: Stage, parts: Parts, *, public_url: str, origins: Sequence[str]) -> dict[str, str]:
    """The variables of every function. AWS_REGION is Lambda's own."""
    values: dict[str, str | int] = {
        "STAGE": stage.name,
        "MAIN_TABLE": parts.tables.main.table_name,
        "CREDENTIALS_TABLE": parts.tables.credentials.table_name,
        "AUDIT_TABLE": parts.tables.audit.table_name,
        "EPHEMERAL_TABLE": parts.tables.ephemeral.table_name,
        "ORIGINALS_BUCKET": parts.originals.bucket.bucket_name,
        "VARIANTS_BUCKET": parts.variants.bucket.bucket_name,
        "AUDIT_EXPORT_BUCKET": parts.exports.bucket.bucket_name if parts.exports else "",
        "ORIGINALS_URL": bucket_url(stage, parts.originals.bucket.bucket_name),
        "VARIANTS_URL": bucket_url(stage, parts.variants.bucket.bucket_name),
        "PUBLIC_URL": public_url,
        "ALLOWED_ORIGINS": ",".join(origins),
        "EDGE_SECRET": stack_uuid(),
        "OBJECTS_QUEUE_URL": parts.queues.queues[Resource.OBJECTS_QUEUE].queue_url,
        "IMAGES_QUEUE_URL": parts.queues.queues[Resource.IMAGES_QUEUE].queue_url,
        "WORK_QUEUE_URL": parts.queues.queues[Resource.WORK_QUEUE].queue_url,
        "MAIL_QUEUE_URL": parts.queues.queues[Resource.MAIL_QUEUE].queue_url,
        "MAIL_SENDER": stage.mail_sender,
        "PARAMETER_PREFIX": parameter_prefix(stage),
        "SIGN_UP": stage.sign_up,
        "EMAIL_VERIFICATION": stage.email_verification,
        "DEVELOPER_TOKENS": stage.developer_tokens,
        "PASSWORD_MEMORY": stage.password_memory,
        "PASSWORD_PASSES": stage.password_passes,
        "UPLOAD_EXPIRY": stage.upload_expiry,
        "MAX_BYTES": stage.max_bytes,
        "MAX_FILES": stage.max_files,
        "MAX_FILE_BYTES": stage.max_file_bytes,
        "LIMITS": json.dumps(stage.limits),
        "OAUTH_PROVIDERS": json.dumps(stage.oauth_providers),
        "POWERTOOLS_METRICS_NAMESPACE": "Holdall",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
    return {name: str(value) for name, value in values.items()}


def bucket_url(stage: Stage, bucket: str) -> str:
    """Where a presigned URL of the bucket begins."""
    return stage.bucket_url.format(bucket=bucket, region=Aws.REGION, port=stage.port)


def parameter_prefix(stage: Stage) -> str:
    """Where our SecureStrings lie. By stack and not by stage, since two stacks may share an account."""
    return f"/{stage.stack_name}"
