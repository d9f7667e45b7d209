"""What every function is told: one variable for each field of `holdall.platform.config.Settings`. A house test compares."""

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
class Resources:
    """The parts of the stack that functions are told about."""

    tables: Tables
    queues: Queues
    originals: Originals
    variants: Variants
    exports: Exports | None  # where the stage wants it


def environment(stage: Stage, resources: Resources, *, public_url: str, origins: Sequence[str]) -> dict[str, str]:
    """The variables of every function. AWS_REGION is Lambda's own."""
    values: dict[str, str | int] = {
        "STAGE": stage.name,
        "MAIN_TABLE": resources.tables.main.table_name,
        "CREDENTIALS_TABLE": resources.tables.credentials.table_name,
        "AUDIT_TABLE": resources.tables.audit.table_name,
        "EPHEMERAL_TABLE": resources.tables.ephemeral.table_name,
        "ORIGINALS_BUCKET": resources.originals.bucket.bucket_name,
        "VARIANTS_BUCKET": resources.variants.bucket.bucket_name,
        "AUDIT_EXPORT_BUCKET": resources.exports.bucket.bucket_name if resources.exports else "",
        "ORIGINALS_URL": bucket_url(stage, resources.originals.bucket.bucket_name),
        "VARIANTS_URL": bucket_url(stage, resources.variants.bucket.bucket_name),
        "PUBLIC_URL": public_url,
        "ALLOWED_ORIGINS": ",".join(origins),
        "ORIGIN_VERIFY_SECRET": stack_uuid(),
        "OBJECTS_QUEUE_URL": resources.queues.queues[Resource.OBJECTS_QUEUE].queue_url,
        "IMAGES_QUEUE_URL": resources.queues.queues[Resource.IMAGES_QUEUE].queue_url,
        "WORK_QUEUE_URL": resources.queues.queues[Resource.WORK_QUEUE].queue_url,
        "MAIL_QUEUE_URL": resources.queues.queues[Resource.MAIL_QUEUE].queue_url,
        "MAIL_SENDER": stage.mail_sender,
        "PARAMETER_PREFIX": parameter_prefix(stage),
        "SIGN_UP": stage.sign_up,
        "EMAIL_VERIFICATION": stage.email_verification,
        "DEVELOPER_TOKENS": stage.developer_tokens,
        "ARGON2_MEMORY_KIB": stage.password_memory,
        "ARGON2_TIME_COST": stage.password_passes,
        "UPLOAD_EXPIRY_SECONDS": stage.upload_expiry,
        "MAX_BYTES": stage.max_bytes,
        "MAX_FILES": stage.max_files,
        "MAX_FILE_BYTES": stage.max_file_bytes,
        "RATE_LIMITS": json.dumps(stage.rate_limits),
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
