"""The sweep reads a bucket of any size in constant memory, and in time that grows with it."""

import os
import subprocess
import sys

from tests.support.source_tree import ROOT

_MAX_MEGABYTES = 256
_SMALL, _LARGE = 10_000, 40_000


def test_time_of_the_sweep_is_linear_and_its_memory_constant() -> None:
    small_seconds, small_megabytes = _sweep(_SMALL)
    large_seconds, large_megabytes = _sweep(_LARGE)

    assert large_seconds < 1.5 * (_LARGE / _SMALL) * small_seconds
    assert large_megabytes < _MAX_MEGABYTES
    assert large_megabytes < small_megabytes + 10


def _sweep(number: int) -> tuple[float, float]:
    """Sweep this many objects, and return the seconds and the most megabytes."""
    completed = subprocess.run(
        [sys.executable, "-m", "tests.support.sweep_at_scale", str(number)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, megabytes, listed, suspected, steps = map(float, completed.stdout.split()[-5:])
    assert (listed, suspected) == (number, number / 1000)
    assert steps >= number / 1000
    return seconds, megabytes
