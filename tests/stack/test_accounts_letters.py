"""Letters: to the stored address, by a link that works once, and later rather than never."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infra.local.testing import Running
from infra.local.waiting import until
from tests.stack.client import PASSWORD, Client, Server, logged_in, new_email, signed_in
from tests.stack.post import Post
from tests.stack.state import State
from tests.stack.work import comes_true

_OTHER = "another horse battery"
_SENDER = "holdall@example.com"


def test_a_forgotten_password_is_chosen_anew_by_a_letter(client: Client, visitor: Client, post: Post) -> None:
    assert visitor.post("/auth/forgot-password", {"email": f" {client.email.upper()}"}).status == 202
    letter = post.letter(client.email)
    token = post.token(client.email)

    assert (letter.sender, letter.subject) == (_SENDER, "Choose a new password")
    assert letter.links[0] in letter.html
    answer = visitor.post("/auth/reset-password", {"token": token, "password": _OTHER})
    assert (answer.status, answer.content) == (204, b"")
    client.get("/auth/me").problem(401, "invalid_token")
    old, new = ({"email": client.email, "password": password} for password in (PASSWORD, _OTHER))
    visitor.post("/auth/login", old).problem(401, "invalid_credentials")
    assert visitor.post("/auth/login", new).status == 200
    visitor.post("/auth/reset-password", {"token": token, "password": PASSWORD}).problem(401, "invalid_token")
    assert post.letter(client.email, 2).subject == "Your account was changed"


def test_an_unknown_address_gets_the_same_answer_and_no_letter(
    client: Client, visitor: Client, post: Post, state: State
) -> None:
    unknown = new_email()

    answers = [visitor.post("/auth/forgot-password", {"email": email}) for email in (unknown, client.email)]

    shown = [(answer.status, answer.data(), sorted(answer.headers)) for answer in answers]
    assert shown[0] == shown[1] == (202, {"status": "pending"}, sorted(answers[0].headers))
    post.letter(client.email)
    state.settle()
    assert post.to(unknown) == []


def test_a_new_address_is_confirmed_there_and_told_to_the_old_one(client: Client, visitor: Client, post: Post) -> None:
    new = new_email()
    said = {"email": new, "password": PASSWORD}
    assert client.post("/auth/change-email", said).status == 202
    token = post.token(new)
    assert client.get("/users/me").data()["email"] == client.email

    assert visitor.post("/auth/confirm-email", {"token": token}).status == 204

    assert post.letter(client.email).subject == "Your account was changed"
    assert logged_in(client.server, new).user["id"] == client.user["id"]
    visitor.post("/auth/login", {"email": client.email, "password": PASSWORD}).problem(401, "invalid_credentials")
    visitor.post("/auth/confirm-email", {"token": token}).problem(401, "invalid_token")


def test_an_address_that_somebody_has_gets_no_letter_about_the_wish_for_it(
    client: Client, direct: Server, post: Post, state: State
) -> None:
    other = signed_in(direct)

    assert client.post("/auth/change-email", {"email": other.email, "password": PASSWORD}).status == 202

    state.settle()
    assert post.to(other.email) == []


def test_letters_that_ses_refuses_go_out_later(client: Client, visitor: Client, post: Post, deployed: Running) -> None:
    with _refusing_ses(deployed):
        assert visitor.post("/auth/forgot-password", {"email": client.email}).status == 202
        _was_tried(deployed)
        assert post.to(client.email) == []

    assert post.letter(client.email).subject == "Choose a new password"


def test_letters_that_nobody_could_send_are_sent_back_from_the_dead_letter_queue(
    client: Client, visitor: Client, post: Post, deployed: Running, state: State
) -> None:
    with _refusing_ses(deployed), _one_attempt(deployed, state):
        assert visitor.post("/auth/forgot-password", {"email": client.email}).status == 202
        comes_true(lambda: state.dead_letters()["Mail"] == 1)

    state.send_back("Mail")

    assert post.letter(client.email).subject == "Choose a new password"
    assert state.dead_letters()["Mail"] == 0


@pytest.fixture(autouse=True)
def nothing_left(state: State) -> Iterator[None]:
    """Each test leaves the queue of letters empty."""
    yield
    state.settle()


@contextmanager
def _refusing_ses(deployed: Running) -> Iterator[None]:
    """Let SES refuse every letter."""
    iam, role = deployed.cloud.client("iam"), deployed.outputs["MailRole"].rpartition("/")[2]
    deny = {"Effect": "Deny", "Action": "ses:SendEmail", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="tried", PolicyDocument=policy)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="tried")


@contextmanager
def _one_attempt(deployed: Running, state: State) -> Iterator[None]:
    """Let a letter be tried once, and not five times, which take half an hour."""
    queue = deployed.outputs["MailQueue"]
    told = state.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]
    once = {**json.loads(told["RedrivePolicy"]), "maxReceiveCount": 1}
    state.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(once)})
    try:
        yield
    finally:
        state.sqs.set_queue_attributes(QueueUrl=queue, Attributes=told)


def _was_tried(deployed: Running) -> None:
    """Wait until the worker has tried a letter, and has left it in its queue."""
    logs = deployed.cloud.client("logs")
    group = deployed.cloud.functions().get_function_configuration(FunctionName=deployed.outputs["MailFunction"])

    def failed() -> bool:
        lines = logs.filter_log_events(logGroupName=group["LoggingConfig"]["LogGroup"])["events"]
        return any("AccessDenied" in line["message"] for line in lines)

    until(failed, 20, lambda: AssertionError("Nobody tried."))
