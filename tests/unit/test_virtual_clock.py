"""The clock of a laptop: what moves, and that no stage in AWS can have it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from holdall.platform import clock, presigning, virtual_clock
from holdall.platform.config import settings
from holdall.platform.errors import ServiceUnavailable
from infra.local import moving_clock
from infra.local.progress import UserError
from infra.stage import InvalidStage, Stage

_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _real_clock_afterwards() -> Iterator[None]:
    yield
    clock.move_by(timedelta)
    settings.cache_clear()


def start(monkeypatch: pytest.MonkeyPatch, switch: str) -> None:
    monkeypatch.setenv("VIRTUAL_CLOCK", switch)
    settings.cache_clear()
    virtual_clock.start()


def test_clock_moves_only_where_the_stage_lets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_clock, "_read", lambda: _DAY)
    before = clock.now()
    start(monkeypatch, "off")
    assert clock.now() - before < _DAY
    start(monkeypatch, "on")

    assert clock.now() - before >= _DAY
    assert clock.real_now() - before < _DAY


def test_row_is_read_once_in_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = iter([_DAY, 2 * _DAY])
    monkeypatch.setattr(virtual_clock, "_read", lambda: next(reads))
    seconds = iter([100.0, 100.0, 101.9, 102.0, 102.0])
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))
    offset = virtual_clock._Offset()  # without the clock of the process

    assert [offset(), offset(), offset()] == [_DAY, _DAY, 2 * _DAY]


def test_clock_stays_where_it_was_while_the_table_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    offset = virtual_clock._Offset()
    monkeypatch.setattr(virtual_clock, "_MAX_AGE", 0.0)
    monkeypatch.setattr(virtual_clock, "_read", lambda: _DAY)
    assert offset() == _DAY

    def fail() -> timedelta:
        raise ServiceUnavailable

    monkeypatch.setattr(virtual_clock, "_read", fail)
    assert offset() == _DAY


def test_urls_are_signed_by_the_time_that_s3_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_clock, "_read", lambda: 30 * _DAY)
    start(monkeypatch, "on")
    url = presigning.presign_get(
        "variants", "media/a/b.webp", version_id=None, disposition="inline", content_type="image/webp"
    )

    assert timedelta() < url.expires_at - clock.real_now() <= timedelta(minutes=5)
    assert f"X-Amz-Date={clock.real_now():%Y%m%d}" in url.url


def test_no_stage_in_aws_can_have_a_virtual_clock() -> None:
    assert Stage.load("local").virtual_clock == "on"
    assert Stage.load("cloud").virtual_clock == "off"
    with pytest.raises(InvalidStage, match="virtualClock works on a laptop only"):
        Stage.load("cloud", overrides={"virtualClock": "on"})
    for url in ("https://127.0.0.1.example.com", "http://127.0.0.1.example.com/{apiId}", "https://{apiId}.example.com"):
        with pytest.raises(InvalidStage, match="laptop only"):
            Stage.load("local", overrides={"apiUrl": url})


@pytest.mark.parametrize(
    ("text", "duration"), [("30d", 30 * _DAY), ("90m", timedelta(minutes=90)), ("1w", 7 * _DAY), ("0s", timedelta())]
)
def test_duration_has_a_number_and_a_unit(text: str, duration: timedelta) -> None:
    assert moving_clock.parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1y", "999999d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="such as 30d"):
        moving_clock.parse_duration(text)
