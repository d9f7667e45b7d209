"""Emails of accounts: to the stored address, with a link that works once, and later if SES fails."""

from collections.abc import Iterator

import pytest

from infra.local.e2e_environment import E2EEnvironment
from infra.local.waiting import wait_until
from tests.support.e2e.actions import wait_for
from tests.support.e2e.aws_state import AwsState
from tests.support.e2e.client import PASSWORD, Client, Server, create_client, new_email, sign_in
from tests.support.e2e.failures import action_denied, one_receive
from tests.support.e2e.mailbox import Mailbox

_NEW_PASSWORD = "another horse battery"
_SENDER = "holdall@example.com"


def test_password_is_reset_with_the_link_in_an_email(client: Client, anonymous: Client, mailbox: Mailbox) -> None:
    assert anonymous.post("/auth/forgot-password", {"email": f" {client.email.upper()}"}).status == 202
    email = mailbox.wait_for_email(client.email)
    token = mailbox.wait_for_token(client.email)

    assert (email.sender, email.subject) == (_SENDER, "Reset your password")
    assert email.links[0] in email.html
    response = anonymous.post("/auth/reset-password", {"token": token, "password": _NEW_PASSWORD})
    assert (response.status, response.content) == (204, b"")
    client.get("/auth/me").problem(401, "invalid_token")
    old, new = ({"email": client.email, "password": password} for password in (PASSWORD, _NEW_PASSWORD))
    anonymous.post("/auth/login", old).problem(401, "invalid_credentials")
    assert anonymous.post("/auth/login", new).status == 200
    anonymous.post("/auth/reset-password", {"token": token, "password": PASSWORD}).problem(401, "invalid_token")
    assert mailbox.wait_for_email(client.email, 2).subject == "Security notice: your account was changed"


def test_unknown_address_gets_the_same_response_and_no_email(
    client: Client, anonymous: Client, mailbox: Mailbox, aws_state: AwsState
) -> None:
    unknown = new_email()

    responses = [anonymous.post("/auth/forgot-password", {"email": email}) for email in (unknown, client.email)]

    seen = [(response.status, response.data(), sorted(response.headers)) for response in responses]
    assert seen[0] == seen[1] == (202, {"status": "pending"}, sorted(responses[0].headers))
    mailbox.wait_for_email(client.email)
    aws_state.wait_until_queues_empty()
    assert mailbox.emails_to(unknown) == []


def test_new_address_is_confirmed_and_the_old_one_is_notified(
    client: Client, anonymous: Client, mailbox: Mailbox
) -> None:
    new = new_email()
    body = {"email": new, "password": PASSWORD}
    assert client.post("/auth/change-email", body).status == 202
    token = mailbox.wait_for_token(new)
    assert client.get("/users/me").data()["email"] == client.email

    assert anonymous.post("/auth/confirm-email", {"token": token}).status == 204

    assert mailbox.wait_for_email(client.email).subject == "Security notice: your account was changed"
    assert sign_in(client.server, new).user["id"] == client.user["id"]
    anonymous.post("/auth/login", {"email": client.email, "password": PASSWORD}).problem(401, "invalid_credentials")
    anonymous.post("/auth/confirm-email", {"token": token}).problem(401, "invalid_token")


def test_address_of_another_account_gets_no_confirmation(
    client: Client, api_gateway: Server, mailbox: Mailbox, aws_state: AwsState
) -> None:
    other = create_client(api_gateway)

    assert client.post("/auth/change-email", {"email": other.email, "password": PASSWORD}).status == 202

    aws_state.wait_until_queues_empty()
    assert mailbox.emails_to(other.email) == []


@pytest.mark.serial  # emails of other tests would fail as well
def test_email_that_ses_refused_is_sent_later(
    client: Client, anonymous: Client, mailbox: Mailbox, deployment: E2EEnvironment
) -> None:
    with action_denied(deployment, "Mail", "ses:SendEmail"):
        assert anonymous.post("/auth/forgot-password", {"email": client.email}).status == 202
        _wait_for_send_attempt(deployment)
        assert mailbox.emails_to(client.email) == []

    assert mailbox.wait_for_email(client.email).subject == "Reset your password"


@pytest.mark.serial
def test_email_in_the_dead_letter_queue_can_be_redriven(
    client: Client, anonymous: Client, mailbox: Mailbox, deployment: E2EEnvironment, aws_state: AwsState
) -> None:
    with action_denied(deployment, "Mail", "ses:SendEmail"), one_receive(deployment, "Mail"):
        assert anonymous.post("/auth/forgot-password", {"email": client.email}).status == 202
        wait_for(lambda: aws_state.dead_letter_counts()["Mail"] == 1)

    aws_state.redrive("Mail")

    assert mailbox.wait_for_email(client.email).subject == "Reset your password"
    assert aws_state.dead_letter_counts()["Mail"] == 0


@pytest.fixture(autouse=True)
def _mail_queue_is_drained(aws_state: AwsState) -> Iterator[None]:
    """Wait after each test until the queue is empty."""
    yield
    aws_state.wait_until_queues_empty()


def _wait_for_send_attempt(deployment: E2EEnvironment) -> None:
    """Wait until the mail function has tried to send an email."""
    logs = deployment.cloud.client("logs")
    group = deployment.cloud.lambda_client().get_function_configuration(FunctionName=deployment.outputs["MailFunction"])

    def failed() -> bool:
        lines = logs.filter_log_events(logGroupName=group["LoggingConfig"]["LogGroup"])["events"]
        return any("AccessDenied" in line["message"] for line in lines)

    wait_until(failed, 20, lambda: AssertionError("The function did not try."))
