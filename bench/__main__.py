"""`python -m bench [BENCHMARK [OPTION …]]`: run the benchmarks, or one of them. Needs no network.

Each runs in a process of its own, so that none measures what another has imported, and prints a table. `lists` and
`console` run by their names only: one writes a million rows, the other deploys the stack.
"""

import os
import subprocess
import sys
from pathlib import Path

from infra.stage import Stage
from tests.support.settings import SETTINGS

BENCHMARKS = ("latency", "login_timing", "images", "hashing", "uploads", "edge_sync")
_ROOT = Path(__file__).parents[1]


def main() -> None:
    names, options = (sys.argv[1:2], sys.argv[2:]) if sys.argv[1:] else (BENCHMARKS, [])
    for name in names:
        command = [sys.executable, "-m", f"bench.{name}", *options]
        status = subprocess.run(command, cwd=_ROOT, env=_environment(), check=False).returncode
        if status:
            sys.exit(status)


def _environment() -> dict[str, str]:
    cloud = Stage.load("cloud")
    environment = {
        **os.environ,
        **SETTINGS,
        "PYDANTIC_DISABLE_PLUGINS": "1",  # as in AWS
        # A login costs the same as in AWS.
        "ARGON2_MEMORY_KIB": str(cloud.password_memory),
        "ARGON2_TIME_COST": str(cloud.password_passes),
        "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "layers" / "core" / "python")]),
        # All modules have bytecode after the first run, ours as well as those of installed packages.
        "PYTHONPYCACHEPREFIX": str(_ROOT / ".local" / "bench" / "bytecode"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


if __name__ == "__main__":
    main()
