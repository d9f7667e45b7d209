"""The sweep of many originals, in a process of its own: `python -m tests.support.sweep_at_scale NUMBER`.

The pages of S3 and the rows are made up, each when it is asked for. One in a thousand objects is an orphan. Prints the seconds
of CPU, the most memory in MB, the objects that were listed, the orphans that were found, and the messages.
"""

import os
import resource
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.settings import SETTINGS

os.environ.update(SETTINGS)

from holdall.files.store import VersionRecord  # after the settings
from holdall.files.version_json import to_json
from holdall.maintenance import orphans, sweep
from holdall.maintenance.model import SweepPage
from holdall.platform import aws, messaging
from holdall.platform.table import batch_get
from holdall.tasks import service as tasks
from holdall.tasks.model import TaskRun
from holdall.uploads.store import UploadRecord
from tests.support.factories import PROJECT_ID, make_version

_ORPHAN_EVERY = 1000
_MAX_MESSAGE = 256 * 1024  # SQS API reference, SendMessage
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Storage:
    """An S3 with this number of originals, and with nothing else."""

    def __init__(self, number: int) -> None:
        self.number = number

    def list_object_versions(self, *, MaxKeys: int, KeyMarker: str = "", **_: Any) -> dict[str, Any]:  # noqa: N803  # AWS
        first = int(_ulid_of(KeyMarker)) + 1 if KeyMarker else 0
        keys = [_key(number) for number in range(first, min(first + MaxKeys, self.number))]
        versions = [{"Key": key, "VersionId": "v", "Size": 1, "LastModified": _LONG_AGO} for key in keys]
        return {"Versions": versions, "IsTruncated": first + MaxKeys < self.number}

    def list_multipart_uploads(self, **_: Any) -> dict[str, Any]:
        return {}

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        return {}


def main(number: int) -> None:
    sent: list[SweepPage] = []
    patch, storage = pytest.MonkeyPatch(), Storage(number)
    patch.setattr(aws, "client", lambda _: storage)
    patch.setattr(batch_get, "_batch_get_items", _make_rows)
    patch.setattr(messaging, "send", sent.append)
    patch.setattr(tasks, "is_current", lambda _: True)
    patch.setattr(tasks, "save", lambda run: run)
    patch.setattr(orphans, "_is_listed", lambda _: False)
    patch.setattr(sweep, "_mark", lambda *_: None)
    started_at = time.process_time()
    sweep.start(TaskRun.new("sweep", "schedule").started())
    while sent[-1].area != "records":
        text = sent.pop().to_json()
        assert len(text) < _MAX_MESSAGE
        sweep.run_page(SweepPage.from_json(text))
    run, seconds = sent[-1].run, time.process_time() - started_at
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = seconds, megabytes, run.counts["listed"], run.counts["suspected"], run.steps
    sys.stdout.write(" ".join(map(str, found)))


def _key(number: int) -> str:
    return make_version(number, "ready").key


def _ulid_of(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]


def _make_rows(keys: Any) -> dict[Any, dict[str, Any]]:
    found = {}
    for table, pk, sk in keys:
        number = int(pk[-26:]) if pk[-26:].isdecimal() else -1
        if pk.startswith("UPLOAD#") and number % _ORPHAN_EVERY:
            found[table, pk, sk] = _upload(number)
        elif pk.startswith("FILE#") and sk.startswith("VERSION#"):
            found[table, pk, sk] = _version(number)
    return found


def _upload(number: int) -> dict[str, Any]:
    id_ = f"{PROJECT_ID}-{number:026d}"
    record = UploadRecord(
        f"UPLOAD#{id_}",
        "UPLOAD",
        id=id_,
        project_id=PROJECT_ID,
        file_id=id_,
        creates_file=True,
        name="a.txt",
        size=1,
        content_type="text/plain",
        auto_commit=False,
        key=_key(number),
        state="completed",
        created_by="0" * 26,
        created_at=_LONG_AGO,
        expires_at=_LONG_AGO,
        version_number=1,
        completed_at=_LONG_AGO,
    )
    return dict(record.to_dynamodb_dict())


def _version(number: int) -> dict[str, Any]:
    version = replace(make_version(number, "ready"), s3_version_id="v")
    record = VersionRecord(f"FILE#{version.id}", "VERSION#00000001", number=1, version_json=to_json(version))
    return dict(record.to_dynamodb_dict())


if __name__ == "__main__":
    main(int(sys.argv[1]))
