"""Messages to workers: each says which project it is for, so that SQS shares a queue fairly among them."""

from holdall.edge.model import SyncPage, SyncVersions
from holdall.emails.model import Email
from holdall.jobs.model import RenderImage, RunJob
from holdall.maintenance.model import EmptyTrash, ExportAudit, FindTrash, RecountPage, RecountProject, SweepPage
from holdall.platform.messages import Message
from holdall.tasks.model import RunTask
from holdall.uploads.messages import EndShareUploads, EndUpload, FindAtEdge
from tests.support.factories import FROZEN_TIME

_PROJECT_ID = "0123456789ab"
_ID = f"{_PROJECT_ID}-{'0' * 26}"
_OF_A_PROJECT = [
    RenderImage(_ID),
    RunJob(_ID),
    EndShareUploads(_ID),
    EndUpload(_ID),
    FindAtEdge(_ID),
    SyncVersions("0" * 26, FROZEN_TIME, 1, [(_ID, 1)]),
    EmptyTrash(_PROJECT_ID),
    RecountProject("0" * 26, _PROJECT_ID),
]
_OF_THE_INSTALLATION = {
    Email,
    ExportAudit,
    FindTrash,
    RecountPage,
    RunTask,
    SweepPage,
    SyncPage,
}  # few, or sent to a person


def test_message_names_its_project() -> None:
    assert {message.group_id for message in _OF_A_PROJECT} == {_PROJECT_ID}
    assert {type(message) for message in _OF_A_PROJECT} | _OF_THE_INSTALLATION == set(Message.__subclasses__())


def test_project_is_not_sent_twice() -> None:
    for message in _OF_A_PROJECT:
        assert "group_id" not in message.to_json()
        assert type(message).from_json(message.to_json()) == message
