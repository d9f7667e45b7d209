"""/health: alive, and ready to work."""

import time
from collections.abc import Callable
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response

from holdall.http import DataResponse, Router, public
from holdall.maintenance import health
from holdall.platform.caller import ClientInfo
from holdall.platform.errors import ServiceUnavailable
from holdall.platform.schemas import ResponseModel

router = Router()


class HealthStatus(ResponseModel):
    """Somebody answers."""

    status: Literal["ok"] = "ok"


class DependencyCheck(ResponseModel):
    """What was asked of one store, and how long its answer took."""

    status: Literal["ok", "down"]
    latency_ms: float


class Readiness(ResponseModel):
    """Whether everything that a request needs can be reached."""

    status: Literal["ok", "down"]
    checks: dict[str, DependencyCheck]
    email_recipients: Literal["any", "verified_only", "unknown"]


@router.get("/health", summary="Liveness check")
def get_health(client: Annotated[ClientInfo, public()]) -> DataResponse[HealthStatus]:  # noqa: ARG001  # stands for the door
    return DataResponse(data=HealthStatus())


@router.get("/health/ready", summary="Readiness check")
def get_readiness(client: Annotated[ClientInfo, public()]) -> Response[DataResponse[Readiness]]:  # noqa: ARG001  # stands for the door
    checks = {name: _check_dependency(ask) for name, ask in health.CHECKS.items()}
    status: Literal["ok", "down"] = "ok" if all(check.status == "ok" for check in checks.values()) else "down"
    answer = DataResponse(data=Readiness(status=status, checks=checks, email_recipients=health.mail_recipients()))
    code, headers = (200, {}) if status == "ok" else (503, {"retry-after": "2"})
    return Response(status_code=code, content_type="application/json", body=answer, headers=headers)


def _check_dependency(check: Callable[[], object]) -> DependencyCheck:
    started = time.perf_counter()
    try:
        check()
        status: Literal["ok", "down"] = "ok"
    except ServiceUnavailable:
        status = "down"
    return DependencyCheck(status=status, latency_ms=round((time.perf_counter() - started) * 1000, 1))
