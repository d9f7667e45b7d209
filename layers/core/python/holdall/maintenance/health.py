"""Whether the stores answer."""

from collections.abc import Callable

from holdall import storage
from holdall.projects import service as projects

STORES: dict[str, Callable[[], object]] = {
    "dynamodb": lambda: projects.held("000000000000"),  # of a project that is not there: one read that finds nothing
    "s3": storage.reachable,
}
