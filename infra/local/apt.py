"""Installation of Debian packages."""

import os
import shutil
import subprocess

from infra.local.progress import Step


def install_packages(title: str, *packages: str) -> None:
    """Install packages if this is Debian and we are root. A failure is ignored, so the caller checks the result."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with Step(f"Installing {title} (Debian package)"):
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            subprocess.run(
                ["apt-get", *command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
