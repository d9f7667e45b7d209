"""What a function is: its triggers, its resources of the runtime, and its grants. `infra.catalog` lists the functions."""

from dataclasses import dataclass
from enum import StrEnum


class Resource(StrEnum):
    """A resource that a function can have actions on. `HoldallStack` maps each member to ARNs."""

    MAIN = "main"
    MAIN_INDEXES = "main-indexes"
    CREDENTIALS = "credentials"
    AUDIT = "audit"
    AUDIT_INDEXES = "audit-indexes"
    EPHEMERAL = "ephemeral"
    ORIGINALS = "originals"
    ORIGINALS_OBJECTS = "originals-objects"
    ORIGINAL_IMAGES = "original-images"
    VARIANTS = "variants"
    VARIANTS_OBJECTS = "variants-objects"
    EXPORTS_OBJECTS = "exports-objects"
    OBJECTS_QUEUE = "objects-queue"
    IMAGES_QUEUE = "images-queue"
    WORK_QUEUE = "work-queue"
    MAIL_QUEUE = "mail-queue"
    IMAGES_DEAD_LETTERS = "images-dead-letters-queue"
    WORK_DEAD_LETTERS = "work-dead-letters-queue"
    SES_IDENTITIES = "ses-identities"
    SES_ACCOUNT = "ses-account"
    PARAMETERS = "parameters"
    SIGNING_KEYS = "signing-keys"
    EDGE_CREDENTIALS = "edge-credentials"


@dataclass(frozen=True)
class Grant:
    """Named actions on one resource. If `enabled_by` names a switch of the stage, only where it is on."""

    resource: Resource
    actions: tuple[str, ...]
    keys: tuple[str, ...] = ()  # patterns of the partition keys of a table; without them, of all
    enabled_by: str | None = None


@dataclass(frozen=True)
class Schedule:
    """A scheduled call of a function: every `rate_minutes`, or once a day or a week at an hour in UTC.

    Without either, the stage sets it (`expireUploadsMinutes`, `syncSchedule`). `enabled_by` means the same as in `Grant`.
    """

    task: str
    rate_minutes: int | None = None
    daily_hour: int | None = None  # the hour, 0 to 23
    weekday: str | None = None  # such as SUN: at that hour of this day only
    enabled_by: str | None = None


@dataclass(frozen=True)
class Function:
    """A Lambda function: one folder of `functions/`."""

    name: str
    description: str
    grants: tuple[Grant, ...]
    path_prefixes: tuple[str, ...] = ()  # each gets two routes: the prefix itself, and everything below it
    is_default_route: bool = False  # the target of `$default`, so that an unknown path gets our error format
    queue: Resource | None = None
    batch_size: int = 1  # messages per call
    schedules: tuple[Schedule, ...] = ()
    memory: int = 1024  # MB; a function has one whole CPU at 1,769 MB
    timeout: int = 25  # seconds; API Gateway gives up after 30
    storage: int = 512  # MB of /tmp; 512 are included in the price
    layers: tuple[str, ...] = ("core", "deps")
    bundles_openapi: bool = False  # whether the package contains docs/openapi.json

    @property
    def feeds_own_queue(self) -> bool:
        """Return whether the function sends messages to the queue that calls it, as a long job does to continue."""
        return any(grant.resource == self.queue and "sqs:SendMessage" in grant.actions for grant in self.grants)
