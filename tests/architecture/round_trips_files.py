"""Budgets of the trash and of versions: the guard's read, the rate limiter, the file, its version, and a transaction.

A version is read after its file, because one of two records that are read together may be older than the other. The current
version is a part of the file.
"""

from collections.abc import Callable

from tests.architecture.round_trips import BudgetCase, SendRequest, authenticated_get, authenticated_post
from tests.support.scenario import Scenario


def _restore_request(create: Callable[[Scenario], str]) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        file_id = create(scenario)
        scenario.client.delete(f"/files/{file_id}").data()
        return lambda: scenario.client.post(f"/files/{file_id}/restore")

    return prepare


def _download_request(scenario: Scenario) -> SendRequest:
    file_id = scenario.create_document()
    return lambda: scenario.client.get(f"/files/{file_id}/download")


def _rename_request(scenario: Scenario) -> SendRequest:
    file_id = scenario.create_document()
    return lambda: scenario.client.request("PATCH", f"/files/{file_id}", {"name": "other.txt"})


def _bulk_request(action: str, count: int, *, trashed: bool = False) -> Callable[[Scenario], SendRequest]:
    def make_body(scenario: Scenario) -> dict[str, object]:
        file_ids = [scenario.create_document() for _ in range(count)]
        for file_id in file_ids if trashed else ():
            scenario.client.delete(f"/files/{file_id}").data()
        return {"ids": file_ids, "action": action}

    return authenticated_post("/files/bulk", make_body)


def _version_request(
    path: str, method: str = "GET", create: Callable[[Scenario], str] = Scenario.create_versions
) -> Callable[[Scenario], SendRequest]:
    def prepare(scenario: Scenario) -> SendRequest:
        file_id = create(scenario)
        return lambda: scenario.client.request(method, f"/files/{file_id}/versions{path}")

    return prepare


def _create_image_versions(scenario: Scenario) -> str:
    file_id = scenario.create_rendered_image()
    scenario.create_file(fileId=file_id)
    scenario.fake_aws.run_workers()
    return file_id


def _signed_list_request(scenario: Scenario) -> SendRequest:
    scenario.create_rendered_image()
    return lambda: scenario.client.get(f"/files?projectId={scenario.project_id}&signed=true")


_VERSIONS = "/api/v1/files/{fileId}/versions"
_RESTORE, _BULK = "POST /api/v1/files/{fileId}/restore", "POST /api/v1/files/bulk"
FILE_CASES = (
    BudgetCase("GET /api/v1/files", 200, _signed_list_request, dynamodb=2, label="with signed URLs"),
    BudgetCase(
        "GET /api/v1/files",
        200,
        authenticated_get("/files?projectId={project}&sort=name"),
        dynamodb=2,
        label="sorted by name",
    ),
    BudgetCase("GET /api/v1/files/{fileId}/download", 302, _download_request, dynamodb=2),
    BudgetCase("PATCH /api/v1/files/{fileId}", 200, _rename_request, dynamodb=3),
    BudgetCase("GET /api/v1/trash", 200, authenticated_get("/trash?projectId={project}"), dynamodb=2),
    BudgetCase(_RESTORE, 200, _restore_request(Scenario.create_document), dynamodb=4),
    BudgetCase(
        _RESTORE,
        200,
        _restore_request(Scenario.create_rendered_image),
        dynamodb=4,
        sqs=1,
        label="with variants to move",
    ),
    BudgetCase(_BULK, 200, _bulk_request("delete", 5), dynamodb=3 + 5),
    BudgetCase(_BULK, 200, _bulk_request("restore", 5, trashed=True), dynamodb=3 + 5, label="to restore"),
    BudgetCase(_BULK, 200, _bulk_request("purge", 5), dynamodb=3 + 5, sqs=5, label="to purge"),
    BudgetCase(f"GET {_VERSIONS}", 200, _version_request(""), dynamodb=3),
    BudgetCase(f"GET {_VERSIONS}/{{number}}", 200, _version_request("/1"), dynamodb=3),
    BudgetCase(f"GET {_VERSIONS}/{{number}}", 200, _version_request("/2"), dynamodb=2, label="current"),
    BudgetCase(f"GET {_VERSIONS}/{{number}}/download", 302, _version_request("/1/download"), dynamodb=3),
    BudgetCase(f"POST {_VERSIONS}/{{number}}/restore", 201, _version_request("/1/restore", "POST"), dynamodb=5),
    BudgetCase(
        f"POST {_VERSIONS}/{{number}}/restore",
        201,
        _version_request("/1/restore", "POST", _create_image_versions),
        dynamodb=5,
        sqs=1,
        label="with variants to render",
    ),
    BudgetCase(f"DELETE {_VERSIONS}/{{number}}", 202, _version_request("/1", "DELETE"), dynamodb=5, sqs=1),
    BudgetCase(
        f"DELETE {_VERSIONS}/{{number}}", 202, _version_request("/2", "DELETE"), dynamodb=5, sqs=1, label="current"
    ),
)
