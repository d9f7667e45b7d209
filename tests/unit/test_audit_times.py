"""Time ranges of the audit log, and the format of times in requests."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from holdall.audit.model import AuditFilter, InvalidTimeRange, UnsupportedFilter
from holdall.platform import clock, ids
from holdall.platform.schemas import Rfc3339DateTime

_TIME_ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_TIMES = st.datetimes(datetime(1970, 1, 3), datetime(9999, 12, 29), timezones=_TIME_ZONES)  # noqa: DTZ001  # the strategy adds time zones
_OFFSETS = st.integers(-3000, 3000).map(lambda number: timedelta(microseconds=number))
_RFC3339_ADAPTER = TypeAdapter(Rfc3339DateTime)


def new_id_at(created_at: datetime) -> str:
    """Return an ID with this creation time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: created_at)
        return ids.new_id()


@given(_TIMES, _OFFSETS)
@example(datetime(2026, 11, 20, tzinfo=UTC), timedelta(0))
def test_min_id_separates_older_ids_from_later_ones(time: datetime, offset: timedelta) -> None:
    id_ = new_id_at(time + offset)

    assert (ids.min_id_at(time) < id_) == (ids.created_at(id_) >= time)


@given(_TIMES)
def test_id_contains_its_creation_time_to_the_millisecond(time: datetime) -> None:
    # Binary fractions may round by a millisecond, in the year 9999 for example.
    assert abs(ids.created_at(new_id_at(time)) - time) <= timedelta(milliseconds=1)


@given(_TIMES, _TIMES)
def test_min_ids_sort_by_time(one: datetime, other: datetime) -> None:
    if one <= other:
        assert ids.min_id_at(one) <= ids.min_id_at(other)


@pytest.mark.parametrize("time", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_first_and_last_time_have_a_min_id(time: datetime) -> None:
    assert len(ids.min_id_at(time)) == 10


@given(_TIMES)
def test_isoformat_of_a_time_is_accepted(time: datetime) -> None:
    assert _RFC3339_ADAPTER.validate_python(time.isoformat()) == time


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2026-11-20T12:00:00Z", 0),
        ("2026-11-20t12:00:00z", 0),
        ("2026-11-20T12:00:00.5Z", 500_000),
        ("2026-11-20T14:30:00.123456789+02:30", 123_456),
        ("2026-11-20T12:00:00-00:00", 0),
    ],
)
def test_every_format_of_rfc_3339_is_accepted(text: str, microseconds: int) -> None:
    assert _RFC3339_ADAPTER.validate_python(text) == datetime(2026, 11, 20, 12, 0, 0, microseconds, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-20T12:00:00", "2026-11-20", "1795175000", "2026-11-20T12:00Z", "٢٠٢٦-11-20T12:00:00Z"]
)
def test_time_without_offset_is_rejected(text: str) -> None:
    with pytest.raises(ValidationError):
        _RFC3339_ADAPTER.validate_python(text)


def test_filter_has_one_field_and_a_valid_time_range() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    AuditFilter(since=noon, until=noon).validate()
    AuditFilter(actor="a", since=noon).validate()

    with pytest.raises(UnsupportedFilter):
        AuditFilter(actor="a", action="b").validate()
    with pytest.raises(InvalidTimeRange):
        AuditFilter(since=noon, until=noon - timedelta(microseconds=1)).validate()
