"""Explanations of authorization decisions. They call the functions that make the decisions, so they cannot differ."""

from dataclasses import dataclass

from holdall.iam.model import User
from holdall.iam.service import users
from holdall.platform import ids
from holdall.platform.caller import Caller
from holdall.platform.errors import Forbidden, NotFound
from holdall.platform.table import BatchGet
from holdall.projects.model import Project
from holdall.projects.service import access
from holdall.projects.service.access import ProjectAccess
from holdall.roles import service as roles
from holdall.roles.model import (
    Effect,
    ExplainRequest,
    ExplainResponse,
    ExplainRule,
    InvalidResource,
    ResourceRequired,
    UnknownPermission,
)

_ACCESS_ALL_PROJECTS = "projects.any"
_DELETED_PROJECT_PERMISSION = "projects.delete"  # the routes that restore and purge a deleted project require it


@dataclass(frozen=True)
class _ExplainContext:
    """A user with the permissions of the global roles, and a project as the user and the caller can access it."""

    user: User
    permissions: frozenset[str]
    access: ProjectAccess | None
    caller_access: ProjectAccess | None
    is_custom_permission: bool


def explain(caller: Caller, request: ExplainRequest) -> ExplainResponse:
    """Return the rules that allow or deny a permission of a user, by default the caller.

    Raises Forbidden if the caller may not read other users, NotFound for a user or project that the caller may not read,
    UnknownPermission, ResourceRequired and InvalidResource.
    """
    user_id = request.user_id or caller.user_id
    if user_id != caller.user_id and "users.read" not in caller.global_permissions:
        raise Forbidden
    context = _load_context(caller, ids.validate_id(user_id), request)
    rules = [_account_status_rule(context.user)]
    if context.access is None:
        rules.append(_global_role_rule(context, request.permission))
    else:
        _check_project_visible(caller, context)
        rules += [_no_global_role_rule(), *_project_rules(context, context.access, request.permission)]
    if roles.is_key_scope(request.permission):
        detail = "An API key can have this permission if it is one of its scopes and the creator of the key has it."
        rules.append(ExplainRule(rule="key scope", effect="none", detail=detail))
    effects = {rule.effect for rule in rules}
    return ExplainResponse(allowed="allow" in effects and "deny" not in effects, rules=rules)


def _load_context(caller: Caller, user_id: str, request: ExplainRequest) -> _ExplainContext:
    """Read everything in one round trip, and a second one for roles that are not cached."""
    project_id = _get_project_id(request)
    with BatchGet() as batch:
        account, epoch = users.get_account(batch, user_id), roles.get_epoch(batch, user_id)
        user_access = access.load(batch, project_id, user_id) if project_id else None
        caller_access = access.load(batch, project_id, caller.user_id) if project_id else None
        custom = None if roles.is_builtin(request.permission) else roles.get_permission(batch, request.permission)
    if custom is not None and custom.value is None:
        raise UnknownPermission(pointer="/permission")
    user = users.require_existing(account.value).user
    permissions = roles.get_permissions(user.roles, epoch.value or 0)
    return _ExplainContext(user, permissions, user_access, caller_access, is_custom_permission=custom is not None)


def _get_project_id(request: ExplainRequest) -> str | None:
    """Return the ID of the project, or None for a permission in the whole installation."""
    if not roles.is_project_permission(request.permission):
        return None
    if request.resource is None:
        raise ResourceRequired(pointer="/resource")
    if ids.is_project_id(request.resource):
        return request.resource
    try:
        return ids.project_id_of(request.resource)
    except NotFound:
        raise InvalidResource(pointer="/resource") from None


def _check_project_visible(caller: Caller, context: _ExplainContext) -> None:
    """Raise NotFound if the caller asks about another user in a project that the caller cannot access."""
    if context.caller_access is None:
        return
    all_projects = _ACCESS_ALL_PROJECTS in caller.global_permissions
    try:
        project, _ = access.authorize(context.caller_access, all_projects=all_projects, allow_deleted=True)
    except NotFound:
        if context.user.id != caller.user_id:
            raise
        return  # the response is the same for a project of others and for none
    if context.caller_access.membership.value is None:
        access.audit_superuser_access(caller, project)


def _account_status_rule(user: User) -> ExplainRule:
    if user.is_active:
        return ExplainRule(rule="account status", effect="none", detail="The account is active.")
    return ExplainRule(rule="account status", effect="deny", detail="The account is disabled.")


def _global_role_rule(context: _ExplainContext, permission: str) -> ExplainRule:
    names = ", ".join(context.user.roles) or "none"
    # A superuser has custom permissions too, without a role that contains them.
    has_custom = context.is_custom_permission and roles.can_grant(context.permissions, frozenset({permission}))
    if permission in context.permissions or has_custom:
        return ExplainRule(rule="global role", effect="allow", detail=f"One of the roles has it: {names}.")
    return ExplainRule(rule="global role", effect="deny", detail=f"None of the roles has it: {names}.")


def _no_global_role_rule() -> ExplainRule:
    return ExplainRule(rule="global role", effect="none", detail="Global roles grant no permissions in projects.")


def _project_rules(context: _ExplainContext, user_access: ProjectAccess, permission: str) -> list[ExplainRule]:
    all_projects = _ACCESS_ALL_PROJECTS in context.permissions
    try:
        project, role = access.authorize(user_access, all_projects=all_projects, allow_deleted=True)
    except NotFound:
        detail = "The user is not a member, or the project does not exist."
        return [ExplainRule(rule="project membership", effect="deny", detail=detail)]
    is_allowed = permission in roles.get_project_role_permissions(role)
    effect: Effect = "allow" if is_allowed else "deny"
    has = "has" if is_allowed else "does not have"
    state = _project_state_rule(user_access, project, permission, all_projects=all_projects)
    if user_access.membership.value is not None:
        detail = f"The user is {role}, which {has} the permission."
        return [ExplainRule(rule="project membership", effect=effect, detail=detail), state]
    detail = f"Superusers access every project as {role}, which {has} the permission. Each access is logged."
    return [
        ExplainRule(rule="project membership", effect="none", detail="The user is not a member."),
        ExplainRule(rule="projects.any", effect=effect, detail=detail),
        state,
    ]


def _project_state_rule(
    user_access: ProjectAccess, project: Project, permission: str, *, all_projects: bool
) -> ExplainRule:
    allow_deleted = permission == _DELETED_PROJECT_PERMISSION
    try:
        access.authorize(user_access, all_projects=all_projects, allow_deleted=allow_deleted)
    except NotFound:
        return ExplainRule(rule="project state", effect="deny", detail="The project is deleted.")
    detail = "The project is active."
    if project.status != "active":
        detail = "The project is deleted. It can be restored or deleted permanently."
    return ExplainRule(rule="project state", effect="none", detail=detail)
