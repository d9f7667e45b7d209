"""From when to when: which ids lie between two moments, and which texts are moments."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from holdall import clock, ids
from holdall.audit.model import Filter
from holdall.errors import Invalid
from holdall.shape import Moment

_ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_MOMENTS = st.datetimes(datetime(1970, 1, 3), datetime(9999, 12, 29), timezones=_ZONES)  # noqa: DTZ001  # zones are drawn
_NEAR = st.integers(-3000, 3000).map(lambda number: timedelta(microseconds=number))
_READ = TypeAdapter(Moment)


def born(moment: datetime) -> str:
    """An id of that moment, if the clock is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: moment)
        return ids.new_id()


@given(_MOMENTS, _NEAR)
@example(datetime(2026, 11, 20, tzinfo=UTC), timedelta(0))
def test_an_id_lies_behind_a_moment_when_it_was_born_then_or_later(moment: datetime, away: timedelta) -> None:
    id_ = born(moment + away)

    assert (ids.first_at(moment) < id_) == (ids.born_at(id_) >= moment)


@given(_MOMENTS)
def test_an_id_tells_its_birth_to_the_millisecond(moment: datetime) -> None:
    # As binary fractions have it: a thousandth more or less in the year 9999.
    assert abs(ids.born_at(born(moment)) - moment) <= timedelta(milliseconds=1)


@given(_MOMENTS, _MOMENTS)
def test_ends_are_in_the_order_of_their_moments(one: datetime, other: datetime) -> None:
    if one <= other:
        assert ids.first_at(one) <= ids.first_at(other)


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_all_time_have_their_place(moment: datetime) -> None:
    assert len(ids.first_at(moment)) == 10


@given(_MOMENTS)
def test_a_moment_is_read_as_it_is_written(moment: datetime) -> None:
    assert _READ.validate_python(moment.isoformat()) == moment


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
    assert _READ.validate_python(text) == datetime(2026, 11, 20, 12, 0, 0, microseconds, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-20T12:00:00", "2026-11-20", "1795175000", "2026-11-20T12:00Z", "٢٠٢٦-11-20T12:00:00Z"]
)
def test_what_says_no_offset_is_no_moment(text: str) -> None:
    with pytest.raises(ValidationError):
        _READ.validate_python(text)


def test_a_filter_is_of_one_kind_and_does_not_end_before_it_begins() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    Filter(since=noon, until=noon).check()
    Filter(actor="a", since=noon).check()

    for wrong in (Filter(actor="a", action="b"), Filter(since=noon, until=noon - timedelta(microseconds=1))):
        with pytest.raises(Invalid):
            wrong.check()
