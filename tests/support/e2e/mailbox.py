"""The letters of the deployed system, as their receivers get them."""

from dataclasses import dataclass

from infra.local.e2e_environment import E2EEnvironment
from infra.local.outbox import Email, fetch_emails
from infra.local.waiting import wait_until

_DELIVERY_TIMEOUT_SECONDS = 60  # seconds until a letter that was promised is there; the schedule looks every minute


@dataclass(frozen=True)
class Mailbox:
    """The outbox of one deployment."""

    deployment: E2EEnvironment

    def emails_to(self, email: str) -> list[Email]:
        """All letters to an address, newest last."""
        return [letter for letter in fetch_emails(self.deployment.cloud.endpoint) if letter.to == email]

    def wait_for_email(self, email: str, count: int = 1, *, timeout: float = _DELIVERY_TIMEOUT_SECONDS) -> Email:
        """The newest letter to an address, when there are so many."""
        wait_until(
            lambda: len(self.emails_to(email)) >= count, timeout, lambda: AssertionError(f"No letter to {email}.")
        )
        found = self.emails_to(email)
        assert len(found) == count, [letter.subject for letter in found]
        return found[-1]

    def wait_for_token(self, email: str, count: int = 1) -> str:
        """The secret of the link in the newest letter to an address."""
        (link,) = self.wait_for_email(email, count).links
        return link.partition("#")[2]
