"""Which version a file shows."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from holdall.files.model import File, FileStatus, Version
from tests.support.factories import make_file, make_version

# A version is born processing, or ready when its bytes need no look; the rest are the steps of the contract.
INITIAL_STATUSES: tuple[FileStatus, ...] = ("processing", "ready")
TRANSITIONS: dict[FileStatus, tuple[FileStatus, ...]] = {
    "processing": ("processing", "ready", "rejected"),
    "ready": ("ready",),
    "rejected": ("processing",),
}


def expected_version(versions: dict[int, Version]) -> int:
    """The sentence of the contract: the highest that is ready, else the highest."""
    ready = [number for number, each in versions.items() if each.status == "ready"]
    return max(ready or versions)


@given(st.data())
def test_a_file_shows_its_highest_version_that_is_ready_else_its_highest(data: st.DataObject) -> None:
    first = make_version(1, data.draw(st.sampled_from(INITIAL_STATUSES)))
    shown, versions = make_file(first), {1: first}
    for _ in range(data.draw(st.integers(0, 12))):
        number = data.draw(st.integers(1, len(versions) + 1))
        choices = TRANSITIONS[versions[number].status] if number in versions else INITIAL_STATUSES
        changed = make_version(number, data.draw(st.sampled_from(choices)))
        versions[number] = changed
        shown = shown.with_version(changed)

        assert shown.current == versions[expected_version(versions)]
        assert shown.last_number == len(versions)


def test_a_change_of_the_version_that_is_shown_is_shown() -> None:
    shown = make_file(make_version(1, "ready"))
    wider = replace(shown.current, width=640)

    assert shown.with_version(wider).current.width == 640


def test_a_file_in_the_trash_is_deleted_whatever_its_version_is() -> None:
    trashed: File = replace(make_file(make_version(1, "ready")), state="trash")

    assert trashed.status == "deleted"
    assert make_file(make_version(1, "rejected")).status == "rejected"
