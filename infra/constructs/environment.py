"""The environment variables of the functions: one for each field of `holdall.platform.config.Settings`."""

import json
from collections.abc import Sequence

from aws_cdk import Aws

from infra.catalog import Resource
from infra.constructs.buckets import Exports, Originals, Variants
from infra.constructs.functions import stack_uuid
from infra.constructs.queues import Queues
from infra.constructs.schedules import schedule_expressions
from infra.constructs.tables import Tables
from infra.stage import Stage


def environment(
    stage: Stage,
    *,
    tables: Tables,
    queues: Queues,
    originals: Originals,
    variants: Variants,
    exports: Exports | None,
    public_url: str,
    origins: Sequence[str],
) -> dict[str, str]:
    """Return the variables of every function, without AWS_REGION, which Lambda sets."""
    return {
        **_stage_variables(stage),
        "MAIN_TABLE": tables.main.table_name,
        "CREDENTIALS_TABLE": tables.credentials.table_name,
        "AUDIT_TABLE": tables.audit.table_name,
        "EPHEMERAL_TABLE": tables.ephemeral.table_name,
        "ORIGINALS_BUCKET": originals.bucket.bucket_name,
        "VARIANTS_BUCKET": variants.bucket.bucket_name,
        "AUDIT_EXPORT_BUCKET": exports.bucket.bucket_name if exports else "",
        "EDGE_STORE": _edge_store(stage),
        "ORIGINALS_URL": _bucket_url(stage, originals.bucket.bucket_name),
        "VARIANTS_URL": _bucket_url(stage, variants.bucket.bucket_name),
        "PUBLIC_URL": public_url,
        "ALLOWED_ORIGINS": ",".join(origins),
        "ORIGIN_VERIFY_SECRET": stack_uuid(),
        "OBJECTS_QUEUE_URL": queues.queues[Resource.OBJECTS_QUEUE].queue_url,
        "IMAGES_QUEUE_URL": queues.queues[Resource.IMAGES_QUEUE].queue_url,
        "WORK_QUEUE_URL": queues.queues[Resource.WORK_QUEUE].queue_url,
        "MAIL_QUEUE_URL": queues.queues[Resource.MAIL_QUEUE].queue_url,
        "IMAGES_DEAD_LETTERS_URL": queues.dead_letter_queues[Resource.IMAGES_QUEUE].queue_url,
        "WORK_DEAD_LETTERS_URL": queues.dead_letter_queues[Resource.WORK_QUEUE].queue_url,
    }


def metrics_namespace(stage: Stage) -> str:
    """Return the namespace of our metrics. It names the stack, for the same reason."""
    return f"Holdall/{stage.stack_name}"


def _stage_variables(stage: Stage) -> dict[str, str]:
    values: dict[str, str | int] = {
        "STAGE": stage.name,
        "MAIL_SENDER": stage.mail_sender,
        "PARAMETER_PREFIX": stage.parameter_prefix,
        "SIGN_UP": stage.sign_up,
        "EMAIL_VERIFICATION": stage.email_verification,
        "DEVELOPER_TOKENS": stage.developer_tokens,
        "VIRTUAL_CLOCK": stage.virtual_clock,
        "ARGON2_MEMORY_KIB": stage.password_memory,
        "ARGON2_TIME_COST": stage.password_passes,
        "MAX_BYTES": stage.max_bytes,
        "MAX_FILES": stage.max_files,
        "MAX_FILE_BYTES": stage.max_file_bytes,
        "MAX_BYTES_PER_PROJECT": stage.max_bytes_per_project,
        "MAX_FILES_PER_PROJECT": stage.max_files_per_project,
        "MAX_OPEN_BYTES_PER_USER": stage.max_open_bytes_per_user,
        "MAX_OPEN_BYTES_PER_PROJECT": stage.max_open_bytes_per_project,
        "RATE_LIMITS": json.dumps(stage.rate_limits),
        "SCHEDULES": json.dumps(schedule_expressions(stage)),
        "OAUTH_PROVIDERS": json.dumps([each.model_dump(exclude_none=True) for each in stage.oauth_providers]),
        "POWERTOOLS_METRICS_NAMESPACE": metrics_namespace(stage),
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "PYDANTIC_DISABLE_PLUGINS": "1",  # else pydantic reads the metadata of every package to find plugins
    }
    return {name: str(value) for name, value in values.items()}


def _edge_store(stage: Stage) -> str:
    """Return the fields of `holdall.platform.config.EdgeStore` as JSON, or "" without an edge store."""
    if stage.edge_store is None:
        return ""
    values = stage.edge_store.model_dump(exclude={"sync_schedule"})
    return json.dumps({**values, "delete_after_sync": stage.edge_store.delete_after_sync == "on"})


def _bucket_url(stage: Stage, bucket: str) -> str:
    return stage.bucket_url.format(bucket=bucket, region=Aws.REGION, port=stage.port)
