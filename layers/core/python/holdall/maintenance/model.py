"""What a recount of the quotas finds, and how far it has come."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Phase = Literal["before", "versions", "uploads", "compare"]
# What is kept of a round by shards: moves of quotas before it, sums of originals, and projects that were moved meanwhile.
Kept = Literal["before", "sums", "moved"]
INSTALLATION = "installation"
NAMED = 100  # projects of each list of a report


class Drift(BaseModel):
    """A counter that does not say what was counted. `moves` are those of the counter when it was read."""

    model_config = ConfigDict(frozen=True)

    of: str  # a project, or INSTALLATION
    held_bytes: int
    held_files: int
    counted_bytes: int
    counted_files: int
    moves: int


class Report(BaseModel):
    """What a recount found. The lists name the first hundred, the installation before all; the numbers are of all."""

    model_config = ConfigDict(frozen=True)

    run: str
    started_at: datetime
    ended_at: datetime | None = None
    judged: int = 0
    unjudged: int = 0  # something came or went there in each round
    unjudged_projects: list[str] = []
    drifted: int = 0
    drifts: list[Drift] = []
    installation_judged: bool = False


class Checkpoint(BaseModel):
    """How far a recount has come. One that is done stays, as the last one."""

    model_config = ConfigDict(frozen=True)

    run: str
    step: int = 0
    round: int = 1
    phase: Phase = "before"
    shard: int = 0
    cursor: str | None = None
    since: datetime  # versions count from before, uploads from then on
    moved_at: datetime  # when this was written
    done: bool = False
    report: Report
    installation_moves: int = 0
    # What the installation should say: what projects hold, and what is missing there.
    total_bytes: int = 0
    total_files: int = 0
    missing_bytes: int = 0
    missing_files: int = 0
