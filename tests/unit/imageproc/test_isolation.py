"""A decoder runs in a child process and cannot harm the worker."""

import contextlib
import ctypes
import faulthandler
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.imageproc.isolation import ResourceLimits, run_in_child
from functions.imageproc.rejection import Rejected
from tests.support.image_renderer import ImageFactory
from tests.support.image_samples import encode, sample_image


def _rejection_code(function: Callable[[], bytes], limits: ResourceLimits) -> str:
    with pytest.raises(Rejected) as rejected:
        run_in_child(function, limits)
    return rejected.value.code


def _spin() -> bytes:
    while True:
        pass


def _sleep() -> bytes:
    time.sleep(60)
    return b""


def test_result_of_the_child_is_returned() -> None:
    assert run_in_child(lambda: b"answer" * 100_000, ResourceLimits()) == b"answer" * 100_000


@pytest.mark.parametrize("die", [os.abort, lambda: ctypes.string_at(0), lambda: os._exit(0)])
def test_crash_rejects_the_image(die: Callable[[], bytes]) -> None:
    def die_quietly() -> bytes:
        faulthandler.disable()  # of pytest, which would print a stack for each
        return die()

    assert _rejection_code(die_quietly, ResourceLimits()) == "decoder_crashed"


def test_endless_loop_rejects_the_image() -> None:
    assert _rejection_code(_spin, ResourceLimits(cpu_seconds=1)) == "too_demanding"


def test_busy_machine_does_not_reject_the_image() -> None:
    with pytest.raises(TimeoutError):
        run_in_child(_sleep, ResourceLimits(wall_seconds=0.2))


def test_exceeded_memory_limit_rejects_the_image(image_factory: ImageFactory) -> None:
    limits = ResourceLimits(memory_bytes=48 * 1024 * 1024)
    assert image_factory.rejection_code(encode(sample_image(6000, 4000), "PNG"), limits=limits) == "too_demanding"
    assert image_factory.rejection_code(encode(sample_image(), "PNG"), limits=limits) == ""


def test_child_has_no_environment() -> None:
    assert run_in_child(lambda: repr(dict(os.environ)).encode(), ResourceLimits()) == b"{}"
    assert os.environ


def test_answer_that_is_too_long_rejects_the_image() -> None:
    assert _rejection_code(lambda: bytes(1024 * 1024 + 1), ResourceLimits()) == "decoder_crashed"


def test_child_that_pauses_in_its_answer_ends_with_the_time() -> None:
    foreign = set(Path("/proc/self/fd").iterdir())  # what it writes there would reach the process that runs the tests

    def pause() -> bytes:
        for descriptor in set(Path("/proc/self/fd").iterdir()) - foreign:  # the pipe is one of them
            with contextlib.suppress(OSError):
                os.write(int(descriptor.name), b"{")
        return _sleep()

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        run_in_child(pause, ResourceLimits(wall_seconds=0.5))
    assert time.monotonic() - started < 10


def test_limits_do_not_affect_the_worker() -> None:
    assert _rejection_code(_spin, ResourceLimits(memory_bytes=1 << 20, cpu_seconds=1)) == "too_demanding"
    assert len(bytearray(64 << 20)) == 64 << 20
