"""/health: alive, and ready to work."""

import time
from collections.abc import Callable
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response

from holdall.caller import Visitor
from holdall.errors import Unavailable
from holdall.http import Data, Router, anyone
from holdall.maintenance import health
from holdall.shape import Shown

router = Router()


class Alive(Shown):
    """Somebody answers."""

    status: Literal["ok"] = "ok"


class Check(Shown):
    """What was asked of one store, and how long its answer took."""

    status: Literal["ok", "down"]
    milliseconds: float


class Readiness(Shown):
    """Whether everything that a request needs can be reached."""

    status: Literal["ok", "down"]
    checks: dict[str, Check]
    mail_reaches: Literal["everybody", "verified addresses", "unknown"]


@router.get("/health", summary="Whether Holdall is alive")
def alive(visitor: Annotated[Visitor, anyone()]) -> Data[Alive]:  # noqa: ARG001  # stands for the door
    return Data(data=Alive())


@router.get("/health/ready", summary="Whether Holdall can work")
def ready(visitor: Annotated[Visitor, anyone()]) -> Response[Data[Readiness]]:  # noqa: ARG001  # stands for the door
    checks = {name: _check(ask) for name, ask in health.STORES.items()}
    status: Literal["ok", "down"] = "ok" if all(check.status == "ok" for check in checks.values()) else "down"
    answer = Data(data=Readiness(status=status, checks=checks, mail_reaches=health.mail_reaches()))
    code, headers = (200, {}) if status == "ok" else (503, {"retry-after": "2"})
    return Response(status_code=code, content_type="application/json", body=answer, headers=headers)


def _check(ask: Callable[[], object]) -> Check:
    started = time.perf_counter()
    try:
        ask()
        status: Literal["ok", "down"] = "ok"
    except Unavailable:
        status = "down"
    return Check(status=status, milliseconds=round((time.perf_counter() - started) * 1000, 1))
