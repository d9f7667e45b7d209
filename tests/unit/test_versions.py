"""The current version of a file."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from holdall.files.model import File, FileStatus, Version
from tests.support.factories import make_file, make_version

# A new version is processing, or ready if it needs no worker. The transitions are those of the contract.
INITIAL_STATUSES: tuple[FileStatus, ...] = ("processing", "ready")
TRANSITIONS: dict[FileStatus, tuple[FileStatus, ...]] = {
    "processing": ("processing", "ready", "rejected"),
    "ready": ("ready",),
    "rejected": ("processing",),
}


def expected_version(versions: dict[int, Version]) -> int:
    """Return the number that the contract demands: the highest ready version, or else the highest."""
    ready = [number for number, version in versions.items() if version.status == "ready"]
    return max(ready or versions)


@given(st.data())
def test_current_version_is_the_highest_ready_one_or_else_the_highest(data: st.DataObject) -> None:
    first = make_version(1, data.draw(st.sampled_from(INITIAL_STATUSES)))
    file, versions = make_file(first), {1: first}
    for _ in range(data.draw(st.integers(0, 12))):
        number = data.draw(st.integers(1, len(versions) + 1))
        choices = TRANSITIONS[versions[number].status] if number in versions else INITIAL_STATUSES
        changed = make_version(number, data.draw(st.sampled_from(choices)))
        versions[number] = changed
        file = file.with_version(changed)

        assert file.current == versions[expected_version(versions)]
        assert file.last_number == len(versions)


def test_change_of_the_current_version_changes_the_file() -> None:
    file = make_file(make_version(1, "ready"))
    wider = replace(file.current, width=640)

    assert file.with_version(wider).current.width == 640


def test_file_in_the_trash_has_the_status_deleted() -> None:
    trashed: File = replace(make_file(make_version(1, "ready")), state="trash")

    assert trashed.status == "deleted"
    assert make_file(make_version(1, "rejected")).status == "rejected"
