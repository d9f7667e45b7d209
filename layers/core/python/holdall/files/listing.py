"""Lists of the files of a project."""

from dataclasses import dataclass
from typing import Literal

from holdall.files import service, store
from holdall.files.model import FileKind, FileView
from holdall.platform.errors import ValidationFailed
from holdall.platform.pagination import Page, PageRequest
from holdall.projects.model import Project

SortOrder = Literal["newest", "name"]


class UnsupportedCombination(ValidationFailed):
    """No index answers the query."""

    code, detail = "unsupported_combination", "These parameters cannot be combined."


@dataclass(frozen=True)
class FileQuery:
    """The files of a project to list, and their order."""

    kind: FileKind | None = None
    prefix: str | None = None
    sort: SortOrder | None = None
    is_signed: bool = False  # whether ready variants have presigned URLs


def list_files(project: Project, query: FileQuery, page: PageRequest) -> Page[FileView]:
    """Return a page of the live files of a project. One round trip. Raises UnsupportedCombination and PrefixTooLong."""
    if query.kind and (query.prefix is not None or query.sort == "name"):
        raise UnsupportedCombination("`kind` cannot be combined with `prefix` or `sort=name`.")
    if query.prefix is not None and query.sort == "newest":
        raise UnsupportedCombination("`prefix` cannot be combined with `sort=newest`.")
    if query.kind:
        found = store.list_by_kind(project.id, query.kind, page)
    elif query.prefix is not None or query.sort == "name":
        found = store.list_by_name(project.id, query.prefix or "", page)
    else:
        found = store.list_newest(project.id, page)
    views = [service.view(file, is_signed=query.is_signed) for file in found.items]
    return Page(views, next=found.next, prev=found.prev)
