"""What a job is: work that outlives the request that asked for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["render", "hash", "relocate", "purge"]
Status = Literal["pending", "processing", "completed", "failed"]

PATIENCE = timedelta(seconds=60)  # how long a pending job may wait before its message is sent again


@dataclass(frozen=True)
class Job:
    """One unit of work on one file. `attempt` names the claim under which it is being done."""

    id: str
    project_id: str
    kind: Kind
    file_id: str
    number: int  # of the version; 0 when it is about the whole file
    status: Status
    reason: str | None
    attempt: int
    created_at: datetime
    updated_at: datetime

    @property
    def open(self) -> bool:
        """Whether it is still to be done."""
        return self.status in ("pending", "processing")
