"""What the installation allows projects, and the limits of a project: those of its owners, or the defaults."""

from holdall.platform.config import settings
from holdall.platform.schemas import StorageLocation
from holdall.projects.model import AboveInstallationLimit, NoEdgeStore, Project, Quota
from holdall.quotas.model import QuotaLimits


def installation_limits() -> QuotaLimits:
    """Return the limits of the installation, which no project can exceed."""
    limits = settings()
    return QuotaLimits(max_bytes=limits.max_bytes, max_files=limits.max_files, max_file_bytes=limits.max_file_bytes)


def quota_limits(project: Project) -> QuotaLimits:
    """Return the limits that apply to a project."""
    quota, defaults, limits = project.settings.quota, settings(), installation_limits()
    return QuotaLimits(
        max_bytes=min(_or(quota.max_bytes, defaults.max_bytes_per_project), limits.max_bytes),
        max_files=min(_or(quota.max_files, defaults.max_files_per_project), limits.max_files),
        max_file_bytes=min(_or(quota.max_file_bytes, limits.max_file_bytes), limits.max_file_bytes),
    )


def validate_quota(quota: Quota) -> None:
    """Raise AboveInstallationLimit for a limit that is above the one of the installation."""
    installation = installation_limits()
    limits = {
        "maxBytes": (quota.max_bytes, installation.max_bytes),
        "maxFiles": (quota.max_files, installation.max_files),
        "maxFileBytes": (quota.max_file_bytes, installation.max_file_bytes),
    }
    for name, (requested, limit) in limits.items():
        if requested is not None and requested > limit:
            detail = f"The limit of this installation is {limit}."
            raise AboveInstallationLimit(detail, pointer=f"/settings/quota/{name}")


def validate_storage(location: StorageLocation) -> None:
    """Raise NoEdgeStore if the installation has no store at this location."""
    if location == "edge" and settings().edge_store is None:
        raise NoEdgeStore(pointer="/settings/storage")


def _or(limit: int | None, default: int) -> int:
    return default if limit is None else limit
