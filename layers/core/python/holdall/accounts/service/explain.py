"""Why somebody may do something, or may not: told by the very functions that decide it at the doors."""

from dataclasses import dataclass

from holdall.iam.model import User
from holdall.iam.service import users
from holdall.platform import ids
from holdall.platform.caller import Caller
from holdall.platform.errors import Forbidden, NotFound, ValidationFailed
from holdall.platform.table import BatchGet
from holdall.projects.model import Project
from holdall.projects.service import access as entry
from holdall.projects.service.access import ProjectAccess
from holdall.roles import service as roles
from holdall.roles.model import Effect, ExplainRequest, ExplainResponse, ExplainRule

_ACCESS_ALL_PROJECTS = "projects.any"
# What a deleted project may still be entered for, by the routes that restore it and delete it for good.
_DELETED_PROJECT_PERMISSION = "projects.delete"


@dataclass(frozen=True)
class _ExplainContext:
    """Whom it is about, what they hold everywhere, and the project that it is about, as they and as the caller come to it."""

    user: User
    permissions: frozenset[str]
    access: ProjectAccess | None
    caller_access: ProjectAccess | None
    is_custom_permission: bool  # whether the permission is one of the installation's own


def explain(caller: Caller, request: ExplainRequest) -> ExplainResponse:
    """Tell rule by rule what a user may do, the caller themselves if none is named. Of somebody else it is told to who may
    see users, and of a project that the caller may enter.

    Raises Forbidden, NotFound for a user or a project that the caller may not know, and Invalid for an unknown permission and
    for one of projects without a project.
    """
    about = request.user_id or caller.user_id
    if about != caller.user_id and "users.read" not in caller.global_permissions:
        raise Forbidden
    found = _load_context(caller, ids.validate_id(about), request)
    active = found.user.status == "active"
    state = ExplainRule(rule="account status", effect="none", detail="The account is active.")
    if not active:
        state = ExplainRule(rule="account status", effect="deny", detail="The account is disabled.")
    if found.access is None:
        rules = [_global_role_rule(found, request.permission)]
    else:
        _check_project_visible(caller, found, about)
        rules = [_no_global_role_rule(), *_project_rules(found, found.access, request.permission)]
    if roles.is_key_scope(request.permission):
        detail = "An API key can have this permission if it is one of its scopes and the creator of the key has it."
        rules.append(ExplainRule(rule="key scope", effect="none", detail=detail))
    effects = {rule.effect for rule in (state, *rules)}
    return ExplainResponse(allowed="allow" in effects and "deny" not in effects, rules=[state, *rules])


def _load_context(caller: Caller, user_id: str, request: ExplainRequest) -> _ExplainContext:
    """All that it takes in one round trip, and that of roles which are not remembered."""
    project_id = _get_project_id(request)
    with BatchGet() as read:
        known, epoch = users.get_account(read, user_id), roles.get_epoch(read, user_id)
        place = entry.load(read, project_id, user_id) if project_id else None
        callers = entry.load(read, project_id, caller.user_id) if project_id else None
        own = None if roles.is_builtin(request.permission) else roles.get_permission(read, request.permission)
    if own is not None and own.value is None:
        raise ValidationFailed("This permission does not exist.", code="unknown_permission", pointer="/permission")
    user = users.require_existing(known.value).user
    return _ExplainContext(user, roles.get_permissions(user.roles, epoch.value or 0), place, callers, own is not None)


def _get_project_id(request: ExplainRequest) -> str | None:
    """The project that it is about; None for a permission that is held everywhere or nowhere."""
    if not roles.is_project_permission(request.permission):
        return None
    if request.resource is None:
        raise ValidationFailed(
            "This is a permission in a project: give the ID of a project or of a resource in it.",
            code="required",
            pointer="/resource",
        )
    if ids.is_project_id(request.resource):
        return request.resource
    try:
        return ids.project_id_of(request.resource)
    except NotFound:
        raise ValidationFailed(
            "This is not the ID of a project or of a resource in one.", code="invalid", pointer="/resource"
        ) from None


def _check_project_visible(caller: Caller, context: _ExplainContext, user_id: str) -> None:
    """Of somebody else's rights in a project only those hear who may enter it themselves."""
    if context.caller_access is None:
        return
    member = context.caller_access.membership.value is not None
    try:
        project, _ = entry.authorize(
            context.caller_access, all_projects=_ACCESS_ALL_PROJECTS in caller.global_permissions, allow_deleted=True
        )
    except NotFound:
        if user_id != caller.user_id:
            raise
        return  # of oneself a project of others and none look alike
    if not member:
        entry.audit_superuser_access(caller, project)


def _global_role_rule(context: _ExplainContext, permission: str) -> ExplainRule:
    names = ", ".join(context.user.roles) or "none"
    # A superuser holds an installation's own permissions too, which stand in no table of roles.
    if permission in context.permissions or (
        context.is_custom_permission and roles.can_grant(context.permissions, frozenset({permission}))
    ):
        return ExplainRule(rule="global role", effect="allow", detail=f"One of the roles has it: {names}.")
    return ExplainRule(rule="global role", effect="deny", detail=f"None of the roles has it: {names}.")


def _no_global_role_rule() -> ExplainRule:
    return ExplainRule(rule="global role", effect="none", detail="Global roles grant no permissions in projects.")


def _project_rules(context: _ExplainContext, access: ProjectAccess, permission: str) -> list[ExplainRule]:
    anywhere, member = _ACCESS_ALL_PROJECTS in context.permissions, access.membership
    try:
        project, role = entry.authorize(access, all_projects=anywhere, allow_deleted=True)
    except NotFound:
        return [
            ExplainRule(
                rule="project membership",
                effect="deny",
                detail="The user is not a member, or the project does not exist.",
            )
        ]
    inside = permission in roles.get_project_role_permissions(role)
    effect: Effect = "allow" if inside else "deny"
    has = "has" if inside else "does not have"
    if member.value is None:
        rules = [
            ExplainRule(rule="project membership", effect="none", detail="The user is not a member."),
            ExplainRule(
                rule="projects.any",
                effect=effect,
                detail=f"Superusers access every project as {role}, which {has} the permission. Each access is logged.",
            ),
        ]
    else:
        rules = [
            ExplainRule(
                rule="project membership", effect=effect, detail=f"The user is {role}, which {has} the permission."
            )
        ]
    return [*rules, _project_state_rule(access, project, permission, all_projects=anywhere)]


def _project_state_rule(access: ProjectAccess, project: Project, permission: str, *, all_projects: bool) -> ExplainRule:
    of_deleted = permission == _DELETED_PROJECT_PERMISSION
    try:
        entry.authorize(access, all_projects=all_projects, allow_deleted=of_deleted)
    except NotFound:
        return ExplainRule(rule="project state", effect="deny", detail="The project is deleted.")
    detail = "The project is active."
    if project.status != "active":
        detail = "The project is deleted. It can be restored or deleted permanently."
    return ExplainRule(rule="project state", effect="none", detail=detail)
