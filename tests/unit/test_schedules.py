"""When a schedule calls next, by its expression."""

from datetime import UTC, datetime

import pytest

from holdall.tasks.model import next_call
from infra.constructs.schedules import schedule_expressions
from infra.stage import Stage

NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("schedule", "last_call", "next_"),
    [
        ("cron(0 9 * * ? *)", None, datetime(2026, 11, 26, 9, tzinfo=UTC)),
        ("cron(0 8 * * ? *)", None, datetime(2026, 11, 27, 8, tzinfo=UTC)),
        ("cron(45 8 * * ? *)", None, datetime(2026, 11, 26, 8, 45, tzinfo=UTC)),
        ("cron(0 5 ? * SUN *)", None, datetime(2026, 11, 29, 5, tzinfo=UTC)),
        ("cron(0 9 ? * THU *)", None, datetime(2026, 11, 26, 9, tzinfo=UTC)),
        ("cron(0 8 ? * THU *)", None, datetime(2026, 12, 3, 8, tzinfo=UTC)),
        ("rate(1 minute)", None, None),
        (
            "rate(1 minute)",
            datetime(2026, 11, 26, 8, 29, 40, tzinfo=UTC),
            datetime(2026, 11, 26, 8, 30, 40, tzinfo=UTC),
        ),
        ("rate(60 minutes)", datetime(2026, 11, 26, 8, 10, tzinfo=UTC), datetime(2026, 11, 26, 9, 10, tzinfo=UTC)),
        # Calls were lost.
        ("rate(5 minutes)", datetime(2026, 11, 26, 8, 1, tzinfo=UTC), datetime(2026, 11, 26, 8, 31, tzinfo=UTC)),
    ],
)
def test_next_call_is_the_first_one_after_now(
    schedule: str, last_call: datetime | None, next_: datetime | None
) -> None:
    assert next_call(schedule, last_call, NOW) == next_


def test_expressions_of_the_stages_are_known() -> None:
    for name in ("cloud", "local"):
        for expression in schedule_expressions(Stage.load(name)).values():
            assert (next_call(expression, NOW, NOW) or NOW) > NOW


def test_other_expressions_are_refused() -> None:
    with pytest.raises(ValueError, match="at"):
        next_call("at(2026-11-26T08:30:00)", None, NOW)
