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

from functions.imageproc.picture import Rejected

_FORK: Final = multiprocessing.get_context("fork")
_FAREWELL: Final = 5.0  # seconds that a child may take to end after its answer


@dataclass(frozen=True)
class Limits:
    """What one image may cost: bytes of `memory` beyond the worker's, seconds of `cpu` of all threads, and of `wall`.

    The defaults leave room for 50 megapixels in every format, and for variants of 4096 by 4096 pixels. Give the worker
    512 MiB more than `memory`, and a timeout well beyond `wall`. `wall` is longer than `cpu`, so that what is dear ends
    as the image's own rejection, and only a machine that stands still as a TimeoutError.
    """

    memory: int = 1536 * 1024 * 1024
    cpu: int = 90
    wall: float = 100.0


def run(work: Callable[[], bytes], limits: Limits) -> bytes:
    """Do `work` in a child and return its bytes.

    Raises Rejected, with `too_demanding` when the child used up its CPU time or memory, and with `crashed` when
    it died otherwise. Both follow from the bytes, so another try would end alike. Raises TimeoutError when `wall`
    passed before the CPU time was used: the machine was busy, and another try may succeed.
    """
    receiver, sender = _FORK.Pipe(duplex=False)
    child = _FORK.Process(target=_child, args=(work, sender, limits), daemon=True)
    with receiver:
        with sender:
            _start(child)
        try:
            answer = _answer(receiver, limits.wall)
            child.join(_FAREWELL)
        finally:
            child.kill()  # does nothing to a child that has ended
            child.join()
    if answer is None:
        raise _meaning(child.exitcode)
    return answer


def _start(child: BaseProcess) -> None:
    with warnings.catch_warnings():
        # Python warns of a fork beside threads: a lock that one of them holds stays locked in the child. The child
        # needs none of the worker's locks: it decodes, encodes and writes files.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()


def _answer(receiver: Connection, wall: float) -> bytes | None:
    if not receiver.poll(wall):
        raise TimeoutError(f"The image was not rendered in {wall} seconds.")
    try:
        return receiver.recv_bytes()
    except EOFError:
        return None


def _meaning(exit_code: int | None) -> Rejected:
    # The kernel sends SIGXCPU when the CPU time is used up, and SIGKILL when the machine has no memory left.
    if exit_code in {-signal.SIGXCPU, -signal.SIGKILL}:
        return Rejected("too_demanding", "The image takes more time or memory than one image may.")
    return Rejected("crashed", "The image makes the program crash that decodes it.")


def _child(work: Callable[[], bytes], sender: Connection, limits: Limits) -> None:
    _confine(limits)
    sender.send_bytes(work())


def _confine(limits: Limits) -> None:
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, limits.cpu)
    if sys.platform == "linux":
        # Data, not address space: threads reserve addresses by the gigabyte that they never touch. The sixth number of
        # statm is what the worker itself has already (proc(5)).
        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        _lower(resource.RLIMIT_DATA, held + limits.memory)


def _lower(which: int, limit: int) -> None:
    _, most = resource.getrlimit(which)
    resource.setrlimit(which, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
