"""What a decoder does to its process, it does to a child of the worker's."""

import ctypes
import faulthandler
import os
import time
from collections.abc import Callable

import pytest

from functions.imageproc.isolation import ResourceLimits, run_in_child
from functions.imageproc.types import Rejected
from tests.support.image_renderer import ImageFactory
from tests.support.image_samples import encode, sample_image


def _rejection_code(work: Callable[[], bytes], limits: ResourceLimits) -> str:
    with pytest.raises(Rejected) as refused:
        run_in_child(work, limits)
    return refused.value.code


def _spin() -> bytes:
    while True:
        pass


def _sleep() -> bytes:
    time.sleep(60)
    return b""


def test_the_answer_comes_back() -> None:
    assert run_in_child(lambda: b"answer" * 100_000, ResourceLimits()) == b"answer" * 100_000


@pytest.mark.parametrize("die", [os.abort, lambda: ctypes.string_at(0), lambda: os._exit(0)])
def test_a_crash_is_a_rejection(die: Callable[[], bytes]) -> None:
    def quietly() -> bytes:
        faulthandler.disable()  # pytest's; it would print a stack for each
        return die()

    assert _rejection_code(quietly, ResourceLimits()) == "decoder_crashed"


def test_an_endless_loop_is_a_rejection() -> None:
    assert _rejection_code(_spin, ResourceLimits(cpu_seconds=1)) == "resource_limit_exceeded"


def test_a_machine_that_stands_still_is_no_rejection() -> None:
    with pytest.raises(TimeoutError):
        run_in_child(_sleep, ResourceLimits(wall_seconds=0.2))


def test_memory_is_bounded_and_running_out_is_a_rejection(image_factory: ImageFactory) -> None:
    limits = ResourceLimits(memory_bytes=48 * 1024 * 1024)
    assert (
        image_factory.rejection_code(encode(sample_image(6000, 4000), "PNG"), limits=limits)
        == "resource_limit_exceeded"
    )
    assert image_factory.rejection_code(encode(sample_image(), "PNG"), limits=limits) == ""


def test_limits_are_the_childs_alone() -> None:
    assert _rejection_code(_spin, ResourceLimits(memory_bytes=1 << 20, cpu_seconds=1)) == "resource_limit_exceeded"
    assert len(bytearray(64 << 20)) == 64 << 20
