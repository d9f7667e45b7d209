"""`make outbox`: the output."""

from datetime import UTC, datetime

import pytest

from infra.local.environment import LocalEnvironment
from infra.local.outbox import Email, format_emails
from infra.local.progress import UserError
from tests.support.source_tree import ROOT

_MINISTACK_MESSAGE = {
    "Source": "holdall@example.com",
    "To": ["ada@example.test"],
    "Subject": "Choose a new password",
    "BodyText": "Hello Ada,\n\nhttp://localhost/reset-password#hp_secret\n\nHoldall\n",
    "BodyHtml": "<p>Hello Ada,</p>",
    "Timestamp": datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp(),
}


def test_email_is_printed_with_recipient_subject_and_link() -> None:
    email = Email.from_ministack(_MINISTACK_MESSAGE)

    lines = format_emails([email]).splitlines()

    assert email.links == ["http://localhost/reset-password#hp_secret"]
    assert lines[1:3] == ["To:       ada@example.test", "Subject:  Choose a new password"]
    assert "  http://localhost/reset-password#hp_secret" in lines


def test_newest_email_is_printed_last() -> None:
    old, new = (
        Email.from_ministack(_MINISTACK_MESSAGE),
        Email.from_ministack({**_MINISTACK_MESSAGE, "Subject": "Your account was changed"}),
    )

    text = format_emails([old, new])

    assert text.index(old.subject) < text.index(new.subject)


def test_empty_outbox_prints_a_message() -> None:
    assert format_emails([]) == "No emails yet."


def test_outbox_needs_a_running_local_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDALL_PORT", "4711")
    with pytest.raises(UserError, match="make up"):
        LocalEnvironment(ROOT / "nowhere").emails()
