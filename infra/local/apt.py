"""Debian's packages, for what a machine lacks and its system has."""

import os
import shutil
import subprocess

from infra.local.progress import Step


def install_packages(title: str, *packages: str) -> None:
    """Install packages where that is ours to do: on Debian, as root. The asker looks afterwards for what it needs."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with Step(f"Installing {title} (Debian's package)"):
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            subprocess.run(
                ["apt-get", *command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
