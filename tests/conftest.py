"""What all suites share: the settings of a stage that exists nowhere, so that nothing reaches a real account."""

import json
import os
from collections import defaultdict

import pytest

# High, so that tests of races do not measure the limiter; tests of the limiter set their own.
RATE_LIMIT_NAMES = ("sign-in", "login", "refresh", "create", "key", "challenge", "second-factor", "password", "invite")

SETTINGS = {
    "STAGE": "test",
    "MAIN_TABLE": "main",
    "CREDENTIALS_TABLE": "credentials",
    "AUDIT_TABLE": "audit",
    "EPHEMERAL_TABLE": "ephemeral",
    "ORIGINALS_BUCKET": "originals",
    "VARIANTS_BUCKET": "variants",
    "AUDIT_EXPORT_BUCKET": "exports",
    "ORIGINALS_URL": "https://originals.s3.eu-central-1.amazonaws.com",
    "VARIANTS_URL": "https://variants.s3.eu-central-1.amazonaws.com",
    "PUBLIC_URL": "https://files.example.test",
    "ALLOWED_ORIGINS": "https://files.example.test,https://app.example.test",
    "ORIGIN_VERIFY_SECRET": "edge-secret-of-tests",
    "OBJECTS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/objects",
    "IMAGES_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/images",
    "WORK_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/work",
    "MAIL_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/mail",
    "MAIL_SENDER": "holdall@example.test",
    "PARAMETER_PREFIX": "/holdall/test",
    "SIGN_UP": "open",
    "EMAIL_VERIFICATION": "off",
    "DEVELOPER_TOKENS": "on",
    "ARGON2_MEMORY_KIB": "64",  # KiB: tests ask whether a hash is made, not how dear it is
    "ARGON2_TIME_COST": "1",
    "UPLOAD_EXPIRY_SECONDS": "86400",
    "MAX_BYTES": str(10 * 1024**4),
    "MAX_FILES": "10000000",
    "MAX_FILE_BYTES": str(5 * 1024**3),
    "RATE_LIMITS": json.dumps({name: [1_000_000, 60] for name in RATE_LIMIT_NAMES}),
    "OAUTH_PROVIDERS": "[]",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIATEST",
    "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "Holdall",
}
os.environ.update(SETTINGS)
for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seconds of each suite: the sum of the durations of its tests, which may run at the same time."""
    seconds: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid.split("/")[1]] += report.duration
    for suite, duration in seconds.items():
        terminalreporter.write_line(f"{suite}: {duration:.0f} s")
