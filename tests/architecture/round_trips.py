"""A request with its number of calls to each service of AWS, and how such a request is made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.client import Client, Response
from tests.support.scenario import Scenario

SendRequest = Callable[[], Response]


@dataclass(frozen=True)
class BudgetCase:
    """A request to a route, and its calls: `prepare` does what is not counted, and hands back the request."""

    route: str
    status: int
    prepare: Callable[[Scenario], SendRequest]
    dynamodb: int = 0
    s3: int = 0
    sqs: int = 0
    ssm: int = 0
    label: str = ""

    def __str__(self) -> str:
        return f"{self.route} {self.label}".strip()

    @property
    def budget(self) -> dict[str, int]:
        every = {"dynamodb": self.dynamodb, "s3": self.s3, "sqs": self.sqs, "ssm": self.ssm}
        return {service: aws_calls for service, aws_calls in every.items() if aws_calls}


def authenticated_get(path: str) -> Callable[[Scenario], SendRequest]:
    return lambda scenario: lambda: scenario.client.get(path.format(project=scenario.project_id))


def authenticated_post(
    path: str, make_body: Callable[[Scenario], Any] = lambda _: None
) -> Callable[[Scenario], SendRequest]:
    def prepared(scenario: Scenario) -> SendRequest:
        body = make_body(scenario)
        return lambda: scenario.client.post(path, body)

    return prepared


def anonymous_post(path: str, make_body: Callable[[Scenario], Any]) -> Callable[[Scenario], SendRequest]:
    def prepared(scenario: Scenario) -> SendRequest:
        body = make_body(scenario)
        return lambda: Client().post(path, body)

    return prepared
