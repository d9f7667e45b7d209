"""Why somebody may do something, or may not: told by the very functions that decide it at the doors."""

from dataclasses import dataclass

from holdall import ids
from holdall.caller import Caller
from holdall.errors import Forbidden, Invalid, NotFound
from holdall.iam.model import User
from holdall.iam.service import users
from holdall.projects.model import Project
from holdall.projects.service import entry
from holdall.projects.service.entry import Place
from holdall.roles import service as roles
from holdall.roles.model import Effect, Explanation, Question, Rule
from holdall.table import Reading

_ANYWHERE = "projects.any"
# What a deleted project may still be entered for, by the routes that restore it and delete it for good.
_OF_DELETED = "projects.delete"


@dataclass(frozen=True)
class _Found:
    """Whom it is about, what they hold everywhere, and the project that it is about, as they and as the caller come to it."""

    user: User
    held: frozenset[str]
    place: Place | None
    callers: Place | None
    own: bool  # whether the permission is one of the installation's own


def explain(caller: Caller, asked: Question) -> Explanation:
    """Tell rule by rule what a user may do, the caller themselves if none is named. Of somebody else it is told to who may
    see users, and of a project that the caller may enter.

    Raises Forbidden, NotFound for a user or a project that the caller may not know, and Invalid for an unknown permission and
    for one of projects without a project.
    """
    about = asked.user_id or caller.user_id
    if about != caller.user_id and "users.read" not in caller.permissions:
        raise Forbidden
    found = _read(caller, ids.as_id(about), asked)
    active = found.user.status == "active"
    state = Rule(rule="account active", effect="none", detail="The account is active.")
    if not active:
        state = Rule(rule="account active", effect="deny", detail="The account is disabled.")
    if found.place is None:
        rules = [_by_role(found, asked.permission)]
    else:
        _check_known(caller, found, about)
        rules = [_no_role(), *_in_project(found, found.place, asked.permission)]
    if roles.is_scope(asked.permission):
        detail = "A key may carry it, where its scopes name it and its maker holds it."
        rules.append(Rule(rule="key scope", effect="none", detail=detail))
    effects = {rule.effect for rule in (state, *rules)}
    return Explanation(allowed="allow" in effects and "deny" not in effects, rules=[state, *rules])


def _read(caller: Caller, about: str, asked: Question) -> _Found:
    """All that it takes in one round trip, and that of roles which are not remembered."""
    project_id = _project_of(asked)
    with Reading() as read:
        known, epoch = users.user(read, about), roles.epoch(read, about)
        place = entry.place_of(read, project_id, about) if project_id else None
        callers = entry.place_of(read, project_id, caller.user_id) if project_id else None
        own = None if roles.is_ours(asked.permission) else roles.permission(read, asked.permission)
    if own is not None and own.value is None:
        raise Invalid("unknown_permission", "There is no permission with this name.", pointer="/permission")
    user = users.there(known.value).user
    return _Found(user, roles.held(user.roles, epoch.value or 0), place, callers, own is not None)


def _project_of(asked: Question) -> str | None:
    """The project that it is about; None for a permission that is held everywhere or nowhere."""
    if not roles.is_of_projects(asked.permission):
        return None
    if asked.resource is None:
        raise Invalid("required", "This is held inside projects: name one, or a thing in it.", pointer="/resource")
    if ids.is_project_id(asked.resource):
        return asked.resource
    try:
        return ids.project_of(asked.resource)
    except NotFound:
        raise Invalid("invalid", "This is no id of a project, or of a thing in one.", pointer="/resource") from None


def _check_known(caller: Caller, found: _Found, about: str) -> None:
    """Of somebody else's rights in a project only those hear who may enter it themselves."""
    if found.callers is None:
        return
    member = found.callers.member.value is not None
    try:
        project, _ = entry.enter(found.callers, anywhere=_ANYWHERE in caller.permissions, deleted=True)
    except NotFound:
        if about != caller.user_id:
            raise
        return  # of oneself a project of others and none look alike
    if not member:
        entry.record_visit(caller, project)


def _by_role(found: _Found, permission: str) -> Rule:
    names = ", ".join(found.user.roles) or "none"
    # A superuser holds an installation's own permissions too, which stand in no table of roles.
    if permission in found.held or (found.own and roles.covers(found.held, frozenset({permission}))):
        return Rule(rule="global role", effect="allow", detail=f"Held by a role of: {names}.")
    return Rule(rule="global role", effect="deny", detail=f"Held by no role of: {names}.")


def _no_role() -> Rule:
    return Rule(rule="global role", effect="none", detail="No global role holds anything inside a project.")


def _in_project(found: _Found, place: Place, permission: str) -> list[Rule]:
    anywhere, member = _ANYWHERE in found.held, place.member
    try:
        project, role = entry.enter(place, anywhere=anywhere, deleted=True)
    except NotFound:
        return [Rule(rule="project membership", effect="deny", detail="No membership, or no such project.")]
    inside = permission in roles.in_project(role)
    effect: Effect = "allow" if inside else "deny"
    has = "holds" if inside else "does not hold"
    if member.value is None:
        rules = [
            Rule(rule="project membership", effect="none", detail="No membership."),
            Rule(
                rule="projects.any", effect=effect, detail=f"Enters as an {role}, who {has} it. Each visit is audited."
            ),
        ]
    else:
        rules = [Rule(rule="project membership", effect=effect, detail=f"Is {role} there, who {has} it.")]
    return [*rules, _by_state(place, project, permission, anywhere=anywhere)]


def _by_state(place: Place, project: Project, permission: str, *, anywhere: bool) -> Rule:
    of_deleted = permission == _OF_DELETED
    try:
        entry.enter(place, anywhere=anywhere, deleted=of_deleted)
    except NotFound:
        return Rule(rule="project state", effect="deny", detail="The project is deleted.")
    detail = "The project is active."
    if project.status != "active":
        detail = "The project is deleted: it may be restored, or deleted for good."
    return Rule(rule="project state", effect="none", detail=detail)
