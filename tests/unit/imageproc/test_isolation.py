"""What a decoder does to its process, it does to a child of the worker's."""

import ctypes
import faulthandler
import os
import time
from collections.abc import Callable

import pytest

from functions.imageproc.isolation import Limits, run
from functions.imageproc.picture import Rejected
from tests.unit.imageproc.sources import encoded, scene
from tests.unit.imageproc.studio import Studio


def _refusal(work: Callable[[], bytes], limits: Limits) -> str:
    with pytest.raises(Rejected) as refused:
        run(work, limits)
    return refused.value.code


def _spin() -> bytes:
    while True:
        pass


def _sleep() -> bytes:
    time.sleep(60)
    return b""


def test_the_answer_comes_back() -> None:
    assert run(lambda: b"answer" * 100_000, Limits()) == b"answer" * 100_000


@pytest.mark.parametrize("die", [os.abort, lambda: ctypes.string_at(0), lambda: os._exit(0)])
def test_a_crash_is_a_rejection(die: Callable[[], bytes]) -> None:
    def quietly() -> bytes:
        faulthandler.disable()  # pytest's; it would print a stack for each
        return die()

    assert _refusal(quietly, Limits()) == "crashed"


def test_an_endless_loop_is_a_rejection() -> None:
    assert _refusal(_spin, Limits(cpu=1)) == "too_demanding"


def test_a_machine_that_stands_still_is_no_rejection() -> None:
    with pytest.raises(TimeoutError):
        run(_sleep, Limits(wall=0.2))


def test_memory_is_bounded_and_running_out_is_a_rejection(studio: Studio) -> None:
    limits = Limits(memory=48 * 1024 * 1024)
    assert studio.refusal(encoded(scene(6000, 4000), "PNG"), limits=limits) == "too_demanding"
    assert studio.refusal(encoded(scene(), "PNG"), limits=limits) == ""


def test_limits_are_the_childs_alone() -> None:
    assert _refusal(_spin, Limits(memory=1 << 20, cpu=1)) == "too_demanding"
    assert len(bytearray(64 << 20)) == 64 << 20
