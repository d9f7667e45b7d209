"""What Holdall tells of itself: log lines that user data cannot forge, and metrics. Never a secret, token or file content."""

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
    """Start the story of one request or message; every line until the next `begin` carries its id."""
    global _request_id, _context  # a worker of Lambda serves one request at a time
    _request_id, _context = request_id, "-"
    logger.append_keys(request_id=request_id)


@contextmanager
def message_context(message_id: str) -> Iterator[None]:
    """Tell the story of one message. Why it failed is told here, as whoever gives it back to its queue tells nobody.

    A warning and no error: it comes again, and an alarm watches for the one that failed each time.
    """
    start_context(message_id)
    try:
        yield
    except Exception:
        logger.warning("message.failed", exc_info=True)
        raise


def request_id() -> str:
    """The id of the request that is being served."""
    return _request_id


def set_log_context(context: str) -> None:
    """Name who asks, and where, by ids alone, for the line of the request."""
    global _context  # noqa: PLW0603
    _context = context


def log_request(module: str, method: str, route: str, status: int, duration_seconds: float) -> None:
    """The line of a request. The route's template stands in it and never the path, which may hold a token."""
    line = f"{module} | {method} {route} | {_context} | res={status}"
    logger.info(
        line, extra={"method": method, "route": route, "status": status, "ms": round(duration_seconds * 1000, 1)}
    )


def count_metric(metric: str) -> None:
    """Add one to a metric, by a line that CloudWatch turns into a number (embedded metric format)."""
    _metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)
    _metrics.flush_metrics()


def log_event(name: str, **fields: Any) -> None:
    """Tell that something happened: a name in words of the house, and facts without secrets."""
    logger.info(name, extra={"event": name, **fields})
