"""The limits of projects: those that their owners set, and never more than those of the installation."""

from holdall.platform.config import settings
from holdall.projects.model import AboveInstallationLimit, Project, Quota
from holdall.quotas.model import QuotaLimits


def quota_limits(project: Project) -> QuotaLimits:
    """Return the limits that apply to a project."""
    quota, installation = project.settings.quota, settings()
    return QuotaLimits(
        max_bytes=_lower(quota.max_bytes, installation.max_bytes),
        max_files=_lower(quota.max_files, installation.max_files),
        max_file_bytes=_lower(quota.max_file_bytes, installation.max_file_bytes),
    )


def validate_quota(quota: Quota) -> None:
    """Raise AboveInstallationLimit for a limit that is above the one of the installation."""
    installation = settings()
    limits = {
        "maxBytes": (quota.max_bytes, installation.max_bytes),
        "maxFiles": (quota.max_files, installation.max_files),
        "maxFileBytes": (quota.max_file_bytes, installation.max_file_bytes),
    }
    for name, (requested, limit) in limits.items():
        if requested is not None and requested > limit:
            detail = f"The limit of this installation is {limit}."
            raise AboveInstallationLimit(detail, pointer=f"/settings/quota/{name}")


def _lower(project_limit: int | None, installation_limit: int) -> int:
    return installation_limit if project_limit is None else min(project_limit, installation_limit)
