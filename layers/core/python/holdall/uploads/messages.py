"""Messages about uploads."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from holdall.platform import ids
from holdall.platform.messages import Message, QueueName


@dataclass(frozen=True)
class EndUpload(Message):
    """Expire an upload that is due, and delete the objects of one that expired or was aborted."""

    queue: ClassVar[QueueName] = "work"
    upload_id: str
    type: Literal["end-upload"] = "end-upload"

    @property
    def group_id(self) -> str:
        return ids.project_id_of(self.upload_id)


@dataclass(frozen=True)
class EndShareUploads(Message):
    """Abort the open uploads that strangers began with a share, because it was revoked."""

    queue: ClassVar[QueueName] = "work"
    share_id: str
    type: Literal["end-share-uploads"] = "end-share-uploads"

    @property
    def group_id(self) -> str:
        return ids.project_id_of(self.share_id)


@dataclass(frozen=True)
class FindAtEdge(Message):
    """Look for the object of an upload to the edge store that commits itself, because no event tells of its arrival.

    `checks` is how often it was not there.
    """

    queue: ClassVar[QueueName] = "work"
    upload_id: str
    checks: int = 0
    type: Literal["find-at-edge"] = "find-at-edge"

    @property
    def group_id(self) -> str:
        return ids.project_id_of(self.upload_id)
