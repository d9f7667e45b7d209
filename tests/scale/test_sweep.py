"""The sweep reads a bucket of any size in constant memory, and in steps whose number grows with it."""

import os
import subprocess
import sys

from tests.support.source_tree import ROOT

_MAX_MEGABYTES = 256
_SMALL, _LARGE = 10_000, 40_000


def test_steps_of_the_sweep_are_linear_and_its_memory_constant() -> None:
    small_steps, small_megabytes = _sweep(_SMALL)
    large_steps, large_megabytes = _sweep(_LARGE)

    assert large_steps <= _LARGE / _SMALL * small_steps
    assert large_megabytes < _MAX_MEGABYTES
    assert large_megabytes < small_megabytes + 10


def _sweep(number: int) -> tuple[float, float]:
    """Sweep this many objects, and return the messages that it takes and the most megabytes."""
    completed = subprocess.run(
        [sys.executable, "-m", "tests.support.sweep_at_scale", str(number)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])},
        capture_output=True,
        text=True,
        check=True,
    )
    _, megabytes, listed, suspected, steps = map(float, completed.stdout.split()[-5:])
    assert (listed, suspected) == (number, number / 1000)
    assert steps >= number / 1000
    return steps, megabytes
