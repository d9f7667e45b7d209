"""`make mail`: letters as a person reads them."""

from datetime import UTC, datetime

import pytest

from infra.local.environment import LocalEnvironment
from infra.local.outbox import Email, format_emails
from infra.local.progress import UserError
from tests.infra.conftest import ROOT

_MINISTACK_MESSAGE = {
    "Source": "holdall@example.com",
    "To": ["ada@example.test"],
    "Subject": "Choose a new password",
    "BodyText": "Hello Ada,\n\nhttp://localhost/reset-password#hp_secret\n\nHoldall\n",
    "BodyHtml": "<p>Hello Ada,</p>",
    "Timestamp": datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp(),
}


def test_a_letter_is_printed_with_its_receiver_its_subject_and_its_link() -> None:
    letter = Email.from_ministack(_MINISTACK_MESSAGE)

    lines = format_emails([letter]).splitlines()

    assert letter.links == ["http://localhost/reset-password#hp_secret"]
    assert lines[1:3] == ["To:       ada@example.test", "Subject:  Choose a new password"]
    assert "  http://localhost/reset-password#hp_secret" in lines


def test_the_newest_letter_comes_last() -> None:
    old, new = (
        Email.from_ministack(_MINISTACK_MESSAGE),
        Email.from_ministack({**_MINISTACK_MESSAGE, "Subject": "Your account was changed"}),
    )

    text = format_emails([old, new])

    assert text.index(old.subject) < text.index(new.subject)


def test_no_letters_are_told_as_well() -> None:
    assert format_emails([]) == "No emails yet."


def test_without_a_local_cloud_there_is_no_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDALL_PORT", "4711")
    with pytest.raises(UserError, match="make up"):
        LocalEnvironment(ROOT / "nowhere").emails()
