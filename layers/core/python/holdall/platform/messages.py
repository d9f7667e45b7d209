"""The base class of messages to workers. Each message is beside the capability that processes it."""

from typing import ClassVar, Literal, Self

from pydantic import TypeAdapter

QueueName = Literal["objects", "images", "work", "mail"]


class Message:
    """Base class of frozen dataclasses. A message that shares its queue with others has a field `type`."""

    queue: ClassVar[QueueName]

    @property
    def group_id(self) -> str | None:
        """Return the project of the message. SQS prefers messages of projects that have few others in work.

        See the SQS developer guide, "Amazon SQS fair queues".
        """
        return None

    def to_json(self) -> str:
        return TypeAdapter(type(self)).dump_json(self).decode()

    @classmethod
    def from_json(cls, body: str) -> Self:
        """Parse a message. Raises ValueError."""
        return TypeAdapter(cls).validate_json(body)
