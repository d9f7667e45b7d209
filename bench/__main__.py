"""`make bench`: every benchmark, each with a printed table. Needs no network, and ends by itself."""

import subprocess
import sys

BENCHMARKS = ("requests", "logins", "images", "uploads")


def main() -> None:
    """One after the other, each in a process of its own: what one has loaded, another does not measure."""
    for name in BENCHMARKS:
        subprocess.run([sys.executable, "-m", f"bench.{name}", *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
