"""From when to when: which ids lie between two moments, and which texts are moments."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from holdall.audit.model import AuditFilter
from holdall.platform import clock, ids
from holdall.platform.errors import ValidationFailed
from holdall.platform.schemas import Rfc3339DateTime

_TIME_ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_TIMES = st.datetimes(datetime(1970, 1, 3), datetime(9999, 12, 29), timezones=_TIME_ZONES)  # noqa: DTZ001  # zones are drawn
_OFFSETS = st.integers(-3000, 3000).map(lambda number: timedelta(microseconds=number))
_RFC3339_ADAPTER = TypeAdapter(Rfc3339DateTime)


def new_id_at(created_at: datetime) -> str:
    """An id of that moment, if the clock is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: created_at)
        return ids.new_id()


@given(_TIMES, _OFFSETS)
@example(datetime(2026, 11, 20, tzinfo=UTC), timedelta(0))
def test_an_id_lies_behind_a_moment_when_it_was_born_then_or_later(moment: datetime, away: timedelta) -> None:
    id_ = new_id_at(moment + away)

    assert (ids.min_id_at(moment) < id_) == (ids.created_at(id_) >= moment)


@given(_TIMES)
def test_an_id_tells_its_birth_to_the_millisecond(moment: datetime) -> None:
    # As binary fractions have it: a thousandth more or less in the year 9999.
    assert abs(ids.created_at(new_id_at(moment)) - moment) <= timedelta(milliseconds=1)


@given(_TIMES, _TIMES)
def test_ends_are_in_the_order_of_their_moments(one: datetime, other: datetime) -> None:
    if one <= other:
        assert ids.min_id_at(one) <= ids.min_id_at(other)


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_all_time_have_their_place(moment: datetime) -> None:
    assert len(ids.min_id_at(moment)) == 10


@given(_TIMES)
def test_a_moment_is_read_as_it_is_written(moment: datetime) -> None:
    assert _RFC3339_ADAPTER.validate_python(moment.isoformat()) == moment


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
def test_every_form_of_rfc_3339_is_a_moment(text: str, microseconds: int) -> None:
    assert _RFC3339_ADAPTER.validate_python(text) == datetime(2026, 11, 20, 12, 0, 0, microseconds, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-20T12:00:00", "2026-11-20", "1795175000", "2026-11-20T12:00Z", "٢٠٢٦-11-20T12:00:00Z"]
)
def test_what_says_no_offset_is_no_moment(text: str) -> None:
    with pytest.raises(ValidationError):
        _RFC3339_ADAPTER.validate_python(text)


def test_a_filter_is_of_one_kind_and_does_not_end_before_it_begins() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    AuditFilter(since=noon, until=noon).validate()
    AuditFilter(actor="a", since=noon).validate()

    for wrong in (AuditFilter(actor="a", action="b"), AuditFilter(since=noon, until=noon - timedelta(microseconds=1))):
        with pytest.raises(ValidationFailed):
            wrong.validate()
