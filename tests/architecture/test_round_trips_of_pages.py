"""The round trips of the pages, counted and compared with their budgets, as in `test_round_trips`."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.architecture.round_trips import BudgetCase, SendRequest
from tests.support.routes import list_page_routes
from tests.support.scenario import Scenario
from tests.support.share_page import Form, find_form, open_page, send, send_file
from tests.support.shares import create_link

_PASSWORD = "open sesame please"


def _token(scenario: Scenario, password: str | None) -> str:
    link = create_link(scenario.client, scenario.create_document(), permission="write", password=password)
    return link.token


def _see(path: str = "", password: str | None = None) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        token = _token(scenario, password)
        return lambda: open_page(token, path)

    return prepare


def _unlock(scenario: Scenario) -> SendRequest:
    token = _token(scenario, _PASSWORD)
    return lambda: send(Form(f"/s/{token}"), password=_PASSWORD)


def _use(action: str, password: str | None = None) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        token = _token(scenario, password)
        page = send(Form(f"/s/{token}"), password=_PASSWORD) if password else open_page(token)
        form = find_form(page, action)
        return lambda: send_file(form, "gift.txt", b"a gift") if action == "/upload" else send(form)

    return prepare


CASES = (
    BudgetCase("GET /s/{token}", 200, _see(), dynamodb=3),
    BudgetCase("GET /s/{token}", 200, _see(password=_PASSWORD), dynamodb=3, label="with a password"),
    # The attempt is counted before the password is hashed, and taken back afterwards.
    BudgetCase("POST /s/{token}", 200, _unlock, dynamodb=5),
    BudgetCase("POST /s/{token}/download", 303, _use("/download"), dynamodb=4),
    BudgetCase("POST /s/{token}/download", 303, _use("/download", _PASSWORD), dynamodb=4, label="with a ticket"),
    # The file is stored as a direct upload, with a use, and the page shows what the share has then.
    BudgetCase("POST /s/{token}/upload", 200, _use("/upload"), dynamodb=9, s3=2),
    BudgetCase("GET /s/{token}/download", 303, _see("/download"), dynamodb=1),
    BudgetCase("GET /s/{token}/upload", 303, _see("/upload"), dynamodb=1),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_page_makes_as_many_calls_as_budgeted(case: BudgetCase, scenario: Scenario, aws_calls: Counter[str]) -> None:
    send_request = case.prepare(scenario)
    aws_calls.clear()
    response = send_request()

    assert (response.status, dict(aws_calls)) == (case.status, case.budget), response.text


def test_every_page_has_a_budget() -> None:
    assert {case.route for case in CASES} == {str(route) for route in list_page_routes()}
