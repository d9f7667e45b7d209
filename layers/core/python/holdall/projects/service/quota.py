"""How much a project may hold: what its owners say, and never more than the installation allows."""

from holdall.config import settings as installation
from holdall.errors import Invalid
from holdall.projects.model import Project, Quota
from holdall.quotas.model import Bounds


def bounds(project: Project) -> Bounds:
    """The bounds that count for a project."""
    quota, most = project.settings.quota, installation()
    return Bounds(
        bytes=_least(quota.max_bytes, most.max_bytes),
        files=_least(quota.max_files, most.max_files),
        file_bytes=_least(quota.max_file_bytes, most.max_file_bytes),
    )


def check(quota: Quota) -> None:
    """Hold a quota against the installation's. Raises Invalid for one above it."""
    most = installation()
    pairs = {
        "maxBytes": (quota.max_bytes, most.max_bytes),
        "maxFiles": (quota.max_files, most.max_files),
        "maxFileBytes": (quota.max_file_bytes, most.max_file_bytes),
    }
    for name, (asked, allowed) in pairs.items():
        if asked is not None and asked > allowed:
            detail = f"This installation allows {allowed} at the most."
            raise Invalid("above_installation", detail, pointer=f"/settings/quota/{name}")


def _least(own: int | None, most: int) -> int:
    return most if own is None else min(own, most)
