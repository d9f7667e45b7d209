"""The emails that the deployed stack sent, as their recipients receive them."""

from dataclasses import dataclass

from infra.local.e2e_environment import E2EEnvironment
from infra.local.outbox import Email, fetch_emails
from infra.local.waiting import wait_until

_DELIVERY_TIMEOUT_SECONDS = 60  # the schedule that sends emails again runs every minute


@dataclass(frozen=True)
class Mailbox:
    """The emails of a deployment."""

    deployment: E2EEnvironment

    def emails_to(self, email: str) -> list[Email]:
        """Return all emails to an address, oldest first."""
        return [each for each in fetch_emails(self.deployment.cloud.endpoint) if each.to == email]

    def wait_for_email(self, email: str, count: int = 1, *, timeout: float = _DELIVERY_TIMEOUT_SECONDS) -> Email:
        """Wait until there are `count` emails to an address, and return the newest one."""
        wait_until(
            lambda: len(self.emails_to(email)) >= count,
            timeout,
            lambda: AssertionError(f"There is no email to {email}."),
        )
        found = self.emails_to(email)
        assert len(found) == count, [each.subject for each in found]
        return found[-1]

    def wait_for_token(self, email: str, count: int = 1) -> str:
        """Wait for an email, and return the token in its link."""
        (link,) = self.wait_for_email(email, count).links
        return link.partition("#")[2]
