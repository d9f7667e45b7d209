"""How much a project may hold: what its owners say, and never more than the installation allows."""

from holdall.platform.config import settings as installation
from holdall.platform.errors import ValidationFailed
from holdall.projects.model import Project, Quota
from holdall.quotas.model import EffectiveQuota


def quota_limits(project: Project) -> EffectiveQuota:
    """The bounds that count for a project."""
    quota, most = project.settings.quota, installation()
    return EffectiveQuota(
        max_bytes=_lower_limit(quota.max_bytes, most.max_bytes),
        max_files=_lower_limit(quota.max_files, most.max_files),
        max_file_bytes=_lower_limit(quota.max_file_bytes, most.max_file_bytes),
    )


def validate(quota: Quota) -> None:
    """Hold a quota against the installation's. Raises Invalid for one above it."""
    most = installation()
    pairs = {
        "maxBytes": (quota.max_bytes, most.max_bytes),
        "maxFiles": (quota.max_files, most.max_files),
        "maxFileBytes": (quota.max_file_bytes, most.max_file_bytes),
    }
    for name, (asked, allowed) in pairs.items():
        if asked is not None and asked > allowed:
            detail = f"The limit of this installation is {allowed}."
            raise ValidationFailed(detail, code="above_installation_limit", pointer=f"/settings/quota/{name}")


def _lower_limit(project_limit: int | None, installation_limit: int) -> int:
    return installation_limit if project_limit is None else min(project_limit, installation_limit)
