"""A request with its number of calls to each service of AWS, and how such a request is made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.api.client import Answer, Client
from tests.house.scene import Scene

Request = Callable[[], Answer]


@dataclass(frozen=True)
class Case:
    """A request to a route, and its calls: `prepare` does what is not counted, and hands back the request."""

    route: str
    status: int
    prepare: Callable[[Scene], Request]
    dynamodb: int = 0
    s3: int = 0
    sqs: int = 0
    ssm: int = 0
    what: str = ""

    def __str__(self) -> str:
        return f"{self.route} {self.what}".strip()

    @property
    def budget(self) -> dict[str, int]:
        every = {"dynamodb": self.dynamodb, "s3": self.s3, "sqs": self.sqs, "ssm": self.ssm}
        return {service: calls for service, calls in every.items() if calls}


def get(path: str) -> Callable[[Scene], Request]:
    return lambda scene: lambda: scene.client.get(path.format(project=scene.project_id))


def post(path: str, said: Callable[[Scene], Any] = lambda _: None) -> Callable[[Scene], Request]:
    def prepared(scene: Scene) -> Request:
        body = said(scene)
        return lambda: scene.client.post(path, body)

    return prepared


def visit(path: str, said: Callable[[Scene], Any]) -> Callable[[Scene], Request]:
    def prepared(scene: Scene) -> Request:
        body = said(scene)
        return lambda: Client().post(path, body)

    return prepared
