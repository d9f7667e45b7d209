"""What the last release wrote: rows, messages, and its responses to their readers, in `tests/api/last_release.json`.

`python -c "import tests.conftest; from tests.support import last_release; last_release.write()"` writes the file anew, with
`layers/core/python` in PYTHONPATH. Do so after a release, and never to make a test pass.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from holdall.emails.model import Email, ProjectInvitation
from holdall.jobs.model import RenderImage, RunJob
from holdall.maintenance.model import ExportAudit, RecountPage, RecountProject, Report
from holdall.platform import clock
from holdall.platform.messages import Message
from holdall.uploads.messages import EndUpload
from tests.support import checkpoints, projects, users
from tests.support.aws import FakeAws
from tests.support.clock import FrozenClock
from tests.support.factories import make_upload_request
from tests.support.fixtures import start_aws
from tests.support.scenario import Scenario

PATH = Path(__file__).parents[1] / "api" / "last_release.json"
TABLES = ("main", "credentials", "audit")  # what is in `ephemeral` may be lost
_ID = f"0123456789ab-{'0' * 26}"
_TIME = datetime(2026, 11, 26, tzinfo=UTC)
MESSAGES: tuple[Message, ...] = (
    Email(_ID, "user@example.test", ProjectInvitation("owner@example.test", "token")),
    EndUpload(_ID),
    ExportAudit(date(2026, 11, 26), 1, 2, "position"),
    RecountPage(Report(run_id="0" * 26, started_at=_TIME), 2, 3, "position", 4, 5),
    RecountProject("0" * 26, "0123456789ab", 2, position="position", version=3),
    RenderImage(_ID),
    RunJob(_ID, checks=2),
)


@dataclass(frozen=True)
class Written:
    """The content of the file."""

    at: datetime
    email: str  # of the owner, whose password is that of all test users
    rows: dict[str, list[dict[str, Any]]]  # by table, in DynamoDB's JSON
    responses: dict[str, Any]  # the data of each response, by path
    upload_id: str  # of an upload that is open
    messages: dict[str, str]  # by class

    @classmethod
    def read(cls) -> "Written":
        values = json.loads(PATH.read_text())
        return cls(**{**values, "at": datetime.fromisoformat(values["at"])})

    def restore(self) -> None:
        """Put the rows into the tables."""
        client = boto3.client("dynamodb")
        for table, rows in self.rows.items():
            for row in rows:
                client.put_item(TableName=table, Item=row)


def record(fake_aws: FakeAws) -> dict[str, Any]:
    """Create one of everything that is kept, and return the values of the file."""
    scenario = Scenario.create(fake_aws)
    client, project_id = scenario.client, scenario.project_id
    file_id = scenario.create_rendered_image()
    client.request("DELETE", f"/files/{scenario.create_document()}").data()
    projects.create_api_key_client(client, project_id).get("/files").data()
    projects.create_invitation(client, project_id, users.unique_email())
    body = make_upload_request(b"x", projectId=project_id)
    upload_id = client.post("/files/init-upload", body).created()["uploadId"]
    paths = _paths(project_id, file_id)
    return {
        "at": clock.now().isoformat(),
        "email": scenario.email,
        "upload_id": upload_id,
        "responses": {path: client.get(path).data() for path in paths},
        "rows": {table: list(_rows(table)) for table in TABLES},
        "messages": {type(message).__name__: message.to_json() for message in MESSAGES},
    }


def _paths(project_id: str, file_id: str) -> list[str]:
    return [
        "/auth/me",
        "/projects",
        f"/projects/{project_id}",
        f"/projects/{project_id}/members",
        f"/projects/{project_id}/invitations",
        f"/projects/{project_id}/keys",
        f"/projects/{project_id}/usage",
        f"/files?projectId={project_id}",
        f"/files/{file_id}",
        f"/uploads?projectId={project_id}",
    ]


def _rows(table: str) -> Iterator[dict[str, Any]]:
    for rows in checkpoints.moto_tables()[table].items.values():
        for item in rows.values():
            yield item.to_json()["Attributes"]


def write() -> None:
    """Write the file anew."""
    fake_aws, _ = start_aws()
    # A time at which the signing keys of any later test are old enough to sign.
    FrozenClock(pytest.MonkeyPatch(), datetime(2100, 1, 1, tzinfo=UTC))
    PATH.write_text(json.dumps(record(fake_aws), indent=1, sort_keys=True) + "\n")
