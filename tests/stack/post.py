"""The letters of the deployed system, as their receivers get them."""

from dataclasses import dataclass

from infra.local.letters import Letter, sent
from infra.local.testing import Running
from infra.local.waiting import until

_PATIENCE = 60  # seconds until a letter that was promised is there; the schedule looks every minute


@dataclass(frozen=True)
class Post:
    """The outbox of one deployment."""

    running: Running

    def to(self, email: str) -> list[Letter]:
        """All letters to an address, newest last."""
        return [letter for letter in sent(self.running.cloud.endpoint) if letter.to == email]

    def letter(self, email: str, count: int = 1, *, patience: float = _PATIENCE) -> Letter:
        """The newest letter to an address, when there are so many."""
        until(lambda: len(self.to(email)) >= count, patience, lambda: AssertionError(f"No letter to {email}."))
        found = self.to(email)
        assert len(found) == count, [letter.subject for letter in found]
        return found[-1]

    def token(self, email: str, count: int = 1) -> str:
        """The secret of the link in the newest letter to an address."""
        (link,) = self.letter(email, count).links
        return link.partition("#")[2]
