"""Health checks."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from aws_lambda_powertools.event_handler import Response

from holdall.http.app import Router
from holdall.http.auth import public
from holdall.http.responses import DataResponse, data, documented, json_response
from holdall.maintenance import health
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.schemas import ResponseModel

router = Router()

CheckStatus = Literal["ok", "down"]


class HealthStatus(ResponseModel):
    """The API responds."""

    status: Literal["ok"] = "ok"


class DependencyCheck(ResponseModel):
    """The state of a dependency, and the duration of the check in milliseconds."""

    status: CheckStatus
    milliseconds: float


class Readiness(ResponseModel):
    """The state of all dependencies of a request. `degraded`: only projects that use the edge store are affected."""

    status: Literal["ok", "degraded", "down"]
    checks: dict[str, DependencyCheck]
    email_recipients: health.EmailRecipients


@router.get("/health", guard=public(), summary="Liveness check")
def get_health() -> DataResponse[HealthStatus]:
    return data(HealthStatus())


@router.get(
    "/health/ready",
    guard=public(),
    summary="Readiness check",
    responses={
        200: documented("All dependencies are reachable, apart from the edge store at most.", DataResponse[Readiness]),
        503: documented("A dependency is not reachable; see `checks`.", DataResponse[Readiness]),
    },
)
def get_readiness() -> Response[DataResponse[Readiness]]:
    readiness = _readiness.get()
    if readiness.status == "down":
        return json_response(data(readiness), 503, headers={"retry-after": "10"})
    return json_response(data(readiness))


def _check_all() -> Readiness:
    checks = {name: _check_dependency(check) for name, check in health.checks().items()}
    down = {name for name, check in checks.items() if check.status == "down"}
    status: Literal["ok", "degraded", "down"] = "ok" if not down else "degraded" if down == {health.EDGE} else "down"
    return Readiness(status=status, checks=checks, email_recipients=health.email_recipients.get())


_readiness = health.CachedResult(_check_all, timedelta(seconds=10))


def _check_dependency(check: Callable[[], object]) -> DependencyCheck:
    started_at = time.perf_counter()
    status: CheckStatus = "ok"
    try:
        check()
    except ServiceUnavailable:
        status = "down"
    return DependencyCheck(status=status, milliseconds=round((time.perf_counter() - started_at) * 1000, 1))
