"""A child process with limits, for work that strangers' bytes may lead astray.

Decoders are C code that meets what anyone uploads. In the worker itself a crash or an exhausted memory would take the
whole worker down, the message would come back, and the next worker would go the same way. In a child it is one image's
result. The child is forked, which costs a few milliseconds, and speaks through a pipe: Lambda has no /dev/shm, hence no
queues or locks.
"""

import multiprocessing
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from functions.imageproc.types import Rejected

_FORK: Final = multiprocessing.get_context("fork")
_EXIT_GRACE: Final = 5.0  # seconds that a child may take to end after its answer


@dataclass(frozen=True)
class ResourceLimits:
    """What one image may cost: bytes of `memory` beyond the worker's, seconds of `cpu` of all threads, and of `wall`.

    The defaults leave room for 50 megapixels in every format, and for variants of 4096 by 4096 pixels. Give the worker
    512 MiB more than `memory`, and a timeout well beyond `wall`. `wall` is longer than `cpu`, so that what is dear ends
    as the image's own rejection, and only a machine that stands still as a TimeoutError.
    """

    memory_bytes: int = 1536 * 1024 * 1024
    cpu_seconds: int = 90
    wall_seconds: float = 100.0


def run_in_child(function: Callable[[], bytes], limits: ResourceLimits) -> bytes:
    """Do `work` in a child and return its bytes.

    Raises Rejected, with `resource_limit_exceeded` when the child used up its CPU time or memory, and with `decoder_crashed` when
    it died otherwise. Both follow from the bytes, so another try would end alike. Raises TimeoutError when `wall`
    passed before the CPU time was used: the machine was busy, and another try may succeed.
    """
    receiver, sender = _FORK.Pipe(duplex=False)
    child = _FORK.Process(target=_child_main, args=(function, sender, limits), daemon=True)
    with receiver:
        with sender:
            _start(child)
        try:
            answer = _receive(receiver, limits.wall_seconds)
            child.join(_EXIT_GRACE)
        finally:
            child.kill()  # does nothing to a child that has ended
            child.join()
    if answer is None:
        raise _rejection_for(child.exitcode)
    return answer


def _start(child: BaseProcess) -> None:
    with warnings.catch_warnings():
        # Python warns of a fork beside threads: a lock that one of them holds stays locked in the child. The child
        # needs none of the worker's locks: it decodes, encodes and writes files.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()


def _receive(receiver: Connection, timeout: float) -> bytes | None:
    if not receiver.poll(timeout):
        raise TimeoutError(f"The image was not rendered in {timeout} seconds.")
    try:
        return receiver.recv_bytes()
    except EOFError:
        return None


def _rejection_for(exit_code: int | None) -> Rejected:
    # The kernel sends SIGXCPU when the CPU time is used up, and SIGKILL when the machine has no memory left.
    if exit_code in {-signal.SIGXCPU, -signal.SIGKILL}:
        return Rejected("resource_limit_exceeded", "Rendering the image exceeds the limits on CPU time or memory.")
    return Rejected("decoder_crashed", "The decoder crashed on this image.")


def _child_main(function: Callable[[], bytes], sender: Connection, limits: ResourceLimits) -> None:
    _set_rlimits(limits)
    sender.send_bytes(function())


def _set_rlimits(limits: ResourceLimits) -> None:
    _set_rlimit(resource.RLIMIT_CORE, 0)
    _set_rlimit(resource.RLIMIT_CPU, limits.cpu_seconds)
    if sys.platform == "linux":
        # Data, not address space: threads reserve addresses by the gigabyte that they never touch. The sixth number of
        # statm is what the worker itself has already (proc(5)).
        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        _set_rlimit(resource.RLIMIT_DATA, held + limits.memory_bytes)


def _set_rlimit(which: int, limit: int) -> None:
    _, most = resource.getrlimit(which)
    resource.setrlimit(which, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
