"""Logs and metrics. Log lines are JSON, so user data cannot forge one, and contain no secret, token or file content."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
_metrics = Metrics()
_request_id = ""
_context = ""


def start_context(request_id: str) -> None:
    """Start the log context of a request or a message. All lines until the next call have its ID."""
    global _request_id, _context  # a process of Lambda handles one request at a time
    _request_id, _context = request_id, "-"
    logger.append_keys(request_id=request_id)


@contextmanager
def message_context(message_id: str) -> Iterator[None]:
    """Start the log context of a message, and log the error if it fails, because Powertools does not.

    It is a warning, because SQS delivers the message again. An alarm watches the dead-letter queue.
    """
    start_context(message_id)
    try:
        yield
    except Exception:
        logger.warning("message.failed", exc_info=True)
        raise


def request_id() -> str:
    """Return the ID of the current request."""
    return _request_id


def set_log_context(context: str) -> None:
    """Add the IDs of the caller and of the project to the log line of the request."""
    global _context  # noqa: PLW0603  # as above
    _context = context


def log_request(module: str, method: str, route: str, status: int, duration_seconds: float) -> None:
    """Log a request with the template of its route, because the path may contain a token."""
    line = f"{module} | {method} {route} | {_context} | res={status}"
    logger.info(
        line, extra={"method": method, "route": route, "status": status, "ms": round(duration_seconds * 1000, 1)}
    )


def count_metric(metric: str, count: int = 1) -> None:
    """Add to a metric, with a log line in CloudWatch's embedded metric format."""
    _metrics.add_metric(name=metric, unit=MetricUnit.Count, value=count)
    _metrics.flush_metrics()


def log_event(name: str, **fields: Any) -> None:
    """Log an event by name, such as `image.rejected`. The fields contain no secrets."""
    logger.info(name, extra={"event": name, **fields})
