"""The settings of all suites. They belong to no stage, so nothing reaches a real account."""

import json

HIGH_LIMIT = [1_000_000, 60]  # for races, which do not test the rate limiter
RATE_LIMIT_NAMES = (
    "sign-in",
    "login",
    "refresh",
    "create",
    "companion",
    "wait",
    "key",
    "share",
    "share-password",
    "challenge",
    "second-factor",
    "password",
    "invite",
    "email",
)

EDGE_ENDPOINT = "https://minio.example.test"  # for functions
EDGE_URL = "https://edge.example.test"  # for clients

SETTINGS = {
    "STAGE": "test",
    "MAIN_TABLE": "main",
    "CREDENTIALS_TABLE": "credentials",
    "AUDIT_TABLE": "audit",
    "EPHEMERAL_TABLE": "ephemeral",
    "ORIGINALS_BUCKET": "originals",
    "VARIANTS_BUCKET": "variants",
    "AUDIT_EXPORT_BUCKET": "exports",
    "EDGE_STORE": "",
    "ORIGINALS_URL": "https://originals.s3.eu-central-1.amazonaws.com",
    "VARIANTS_URL": "https://variants.s3.eu-central-1.amazonaws.com",
    "PUBLIC_URL": "https://files.example.test",
    "ALLOWED_ORIGINS": "https://files.example.test,https://app.example.test",
    "ORIGIN_VERIFY_SECRET": "edge-secret-of-tests",
    "OBJECTS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/objects",
    "IMAGES_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/images",
    "WORK_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/work",
    "IMAGES_DEAD_LETTERS_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/images-dead-letters",
    "WORK_DEAD_LETTERS_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/work-dead-letters",
    "MAIL_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/mail",
    "MAIL_SENDER": "holdall@example.test",
    "PARAMETER_PREFIX": "/holdall/test",
    "SIGN_UP": "open",
    "EMAIL_VERIFICATION": "off",
    "DEVELOPER_TOKENS": "on",
    "VIRTUAL_CLOCK": "off",
    "ARGON2_MEMORY_KIB": "64",  # KiB: tests check that passwords are hashed, not how slowly
    "ARGON2_TIME_COST": "1",
    "MAX_BYTES": str(10 * 1024**4),
    "MAX_FILES": "10000000",
    "MAX_FILE_BYTES": str(5 * 1024**3),
    "MAX_BYTES_PER_PROJECT": str(100 * 1024**3),
    "MAX_FILES_PER_PROJECT": "1000000",
    "MAX_OPEN_BYTES_PER_USER": str(20 * 1024**3),
    "MAX_OPEN_BYTES_PER_PROJECT": str(40 * 1024**3),
    "RATE_LIMITS": json.dumps(dict.fromkeys(RATE_LIMIT_NAMES, HIGH_LIMIT)),
    "SCHEDULES": json.dumps({"recount": "cron(0 3 * * ? *)", "send-pending-jobs": "rate(1 minute)"}),
    "OAUTH_PROVIDERS": "[]",
    "MOTO_S3_CUSTOM_ENDPOINTS": EDGE_ENDPOINT,
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIATEST",
    "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "Holdall",
}


def edge_store(*, delete_after_sync: bool = False) -> str:
    """Return the value of EDGE_STORE."""
    values = {"endpoint": EDGE_ENDPOINT, "public_endpoint": EDGE_URL, "bucket": "edge", "region": "eu-central-1"}
    return json.dumps({**values, "delete_after_sync": delete_after_sync})


def rate_limits(**limits: list[int]) -> str:
    """Return the value of RATE_LIMITS with these limits, as in `rate_limits(login=[3, 900])`. The other limits are high."""
    changed = {name.replace("_", "-"): limit for name, limit in limits.items()}
    return json.dumps({**dict.fromkeys(RATE_LIMIT_NAMES, HIGH_LIMIT), **changed})
