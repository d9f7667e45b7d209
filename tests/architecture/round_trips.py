"""The budget of a request: how many calls it makes to each service of AWS."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.client import Client, Response
from tests.support.scenario import Scenario

SendRequest = Callable[[], Response]


@dataclass(frozen=True)
class BudgetCase:
    """A request to a route and its calls. `prepare` does what is not counted, and returns the request."""

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
        """Return the number of calls by service, without zeros."""
        calls = {"dynamodb": self.dynamodb, "s3": self.s3, "sqs": self.sqs, "ssm": self.ssm}
        return {service: number for service, number in calls.items() if number}


def authenticated_get(path: str) -> Callable[[Scenario], SendRequest]:
    return lambda scenario: lambda: scenario.client.get(path.format(project=scenario.project_id))


def authenticated_post(
    path: str, make_body: Callable[[Scenario], Any] = lambda _: None
) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        body = make_body(scenario)
        return lambda: scenario.client.post(path, body)

    return prepare


def anonymous_post(path: str, make_body: Callable[[Scenario], Any]) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        body = make_body(scenario)
        return lambda: Client().post(path, body)

    return prepare
