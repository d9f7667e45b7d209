"""Budgets of shares: two round trips for a link, which leads to the rows that decide, and the rate limit of its network."""

from collections.abc import Callable
from typing import Any

from tests.architecture.round_trips import BudgetCase, SendRequest
from tests.support.lists import LISTS
from tests.support.rows import Partition
from tests.support.scenario import Scenario
from tests.support.shares import Link, create_link, request_share

_PASSWORD = "open sesame please"


def _manage(send: Callable[[Scenario, str, Link], Any]) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        file_id = scenario.create_document()
        link = create_link(scenario.client, file_id)
        link.download().data()
        return lambda: send(scenario, file_id, link)

    return prepare


def _visit(send: Callable[[Link], Any], **fields: Any) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        link = create_link(scenario.client, scenario.create_document(), **fields)
        return lambda: send(link)

    return prepare


def _commit(scenario: Scenario, **overrides: Any) -> SendRequest:
    link = create_link(scenario.client, scenario.create_document(), permission="write")
    upload = link.init_upload(b"Dear reader", **overrides).created()
    scenario.fake_aws.put_object(upload, b"Dear reader")
    return lambda: link.commit(upload["uploadId"])


def _full_page(name: str) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        file_id = scenario.create_document()
        link, path = create_link(scenario.client, file_id), LISTS[name].route.removeprefix("GET ")
        owner_id = link.share_id if "{shareId}" in path else file_id
        Partition(LISTS[name].factory, owner_id).grow(101)
        return lambda: scenario.client.get(path.format(fileId=file_id, shareId=link.share_id) + "?limit=100")

    return prepare


SHARE_CASES = (
    BudgetCase(
        "POST /api/v1/files/{fileId}/shares",
        201,
        _manage(lambda scenario, file_id, _: request_share(scenario.client, file_id)),
        dynamodb=4,
    ),
    # The rights of the creators are read as well.
    BudgetCase(
        "GET /api/v1/files/{fileId}/shares",
        200,
        _manage(lambda scenario, file_id, _: scenario.client.get(f"/files/{file_id}/shares")),
        dynamodb=3,
    ),
    BudgetCase(
        "DELETE /api/v1/files/{fileId}/shares/{shareId}",
        204,
        _manage(lambda scenario, file_id, link: scenario.client.delete(f"/files/{file_id}/shares/{link.share_id}")),
        dynamodb=3,
    ),
    BudgetCase(
        "GET /api/v1/files/{fileId}/shares/{shareId}/uses",
        200,
        _manage(lambda scenario, file_id, link: scenario.client.get(f"/files/{file_id}/shares/{link.share_id}/uses")),
        dynamodb=3,
    ),
    BudgetCase("GET /api/v1/s/{token}", 200, _visit(Link.see), dynamodb=3),
    BudgetCase("POST /api/v1/s/{token}/download", 200, _visit(Link.download), dynamodb=4),
    BudgetCase(
        "POST /api/v1/s/{token}/download",
        200,
        _visit(lambda link: link.download(_PASSWORD), password=_PASSWORD),
        dynamodb=5,
        label="with a password",
    ),
    BudgetCase("POST /api/v1/s/{token}/init-upload", 201, _visit(Link.init_upload, permission="write"), dynamodb=5),
    # The last transaction adds the use.
    BudgetCase("POST /api/v1/s/{token}/commit", 200, _commit, dynamodb=6, s3=1, label="of a new file"),
    BudgetCase(
        "POST /api/v1/s/{token}/commit",
        200,
        lambda scenario: _commit(scenario, newVersion=True),
        dynamodb=7,
        s3=1,
        label="of a new version",
    ),
)
SHARE_LIST_CASES = (
    # The rights of a hundred creators are three hundred rows.
    BudgetCase("GET /api/v1/files/{fileId}/shares", 200, _full_page("shares of a file"), dynamodb=5, label="full page"),
    BudgetCase(
        "GET /api/v1/files/{fileId}/shares/{shareId}/uses",
        200,
        _full_page("uses of a share"),
        dynamodb=3,
        label="full page",
    ),
)
