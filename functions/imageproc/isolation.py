"""Run a function in a child process with resource limits, because it decodes images of strangers.

Decoders are C code. In the worker itself, a crash or an exhausted memory would end the worker; the message would come back and
end the next one. In a child process, it rejects one image. The child is forked, which takes a few milliseconds, and answers
through a pipe: Lambda has no /dev/shm, which the queues and locks of `multiprocessing` need.
"""

import multiprocessing
import os
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from functions.imageproc.rejection import Rejected

_FORK: Final = multiprocessing.get_context("fork")
_MAX_ANSWER_BYTES: Final = 1024 * 1024
_EXIT_GRACE: Final = 5.0  # seconds that a child has to exit after its answer


@dataclass(frozen=True)
class ResourceLimits:
    """The limits for one image: bytes of memory beyond those of the worker, seconds of CPU time of all threads, and seconds.

    The defaults suffice for sources of 50 megapixels in every format and for variants of 4096 by 4096 pixels. The worker needs
    512 MiB more than `memory_bytes`, and a timeout well beyond `wall_seconds`. `wall_seconds` is longer than `cpu_seconds`, so
    that an expensive image is rejected, and only a busy machine ends in a TimeoutError.
    """

    memory_bytes: int = 1536 * 1024 * 1024
    cpu_seconds: int = 90
    wall_seconds: float = 100.0


def run_in_child(function: Callable[[], bytes], limits: ResourceLimits) -> bytes:
    """Call a function in a child process, which has no environment variables, and return its bytes: one MiB at most.

    Raises Rejected with `too_demanding` if the child used up its CPU time or memory, and with `decoder_crashed` if it
    died otherwise: both follow from the bytes of the image, so another attempt would end in the same way. Raises TimeoutError
    if `wall_seconds` passed first: the machine was busy, and another attempt may succeed.
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
            child.kill()  # has no effect on a child that has exited
            child.join()
    if not answer or child.exitcode != 0:
        raise _rejection_for(child.exitcode)
    return answer


def _start(child: BaseProcess) -> None:
    with warnings.catch_warnings():
        # Python warns of a fork in a process with threads: a lock that a thread holds stays locked in the child. The child
        # needs none of the locks of the worker, because it only decodes, encodes and writes files.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()


def _receive(receiver: Connection, timeout: float) -> bytes:
    """Return what the child sends until it exits. It may send anything, and pause in the middle."""
    deadline, answer = time.monotonic() + timeout, b""
    while receiver.poll(max(0.0, deadline - time.monotonic())):
        part = os.read(receiver.fileno(), 65536)
        if not part:
            return answer
        answer += part
        if len(answer) > _MAX_ANSWER_BYTES:
            return b""
    raise TimeoutError(f"The image was not rendered in {timeout} seconds.")


def _rejection_for(exit_code: int | None) -> Rejected:
    # The kernel sends SIGXCPU when the CPU time is used up, and SIGKILL when the machine has no memory left.
    if exit_code in {-signal.SIGXCPU, -signal.SIGKILL}:
        return Rejected("too_demanding", "Rendering the image exceeds the limits on CPU time or memory.")
    return Rejected("decoder_crashed", "The decoder crashed on this image.")


def _child_main(function: Callable[[], bytes], sender: Connection, limits: ResourceLimits) -> None:
    os.environ.clear()  # noqa: TID251  # nothing reads it any more, and it has the credentials of the worker
    _set_rlimits(limits)
    with os.fdopen(sender.fileno(), "wb", closefd=False) as pipe:
        pipe.write(function())


def _set_rlimits(limits: ResourceLimits) -> None:
    _set_rlimit(resource.RLIMIT_CORE, 0)
    _set_rlimit(resource.RLIMIT_CPU, limits.cpu_seconds)
    if sys.platform == "linux":
        # RLIMIT_DATA and not RLIMIT_AS, because threads reserve gigabytes of addresses that they never use. The sixth number
        # of statm is the data size of the worker in pages (proc(5)).
        worker_bytes = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        _set_rlimit(resource.RLIMIT_DATA, worker_bytes + limits.memory_bytes)


def _set_rlimit(which: int, limit: int) -> None:
    _, hard_limit = resource.getrlimit(which)
    resource.setrlimit(which, (limit if hard_limit == resource.RLIM_INFINITY else min(limit, hard_limit), hard_limit))
