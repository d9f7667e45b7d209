"""The words of letters: text and HTML say the same, a link's secret stays out of servers' sight, a name is only a name."""

import html
import re

import pytest

from holdall.emails.model import Email, EmailKind, render

URL = "https://files.example.test"
SENT_TEMPLATES = [kind for kind in EmailKind if kind is not EmailKind.DISCARD]
TEMPLATES_WITH_TOKEN = [
    EmailKind.EMAIL_VERIFICATION,
    EmailKind.RESET,
    EmailKind.EMAIL_CHANGE,
    EmailKind.ACCOUNT_INVITATION,
]


def make_email(kind: EmailKind, name: str = "Ada", detail: str = "hv_lookupid_secret") -> Email:
    return Email("0" * 26, kind, "ada@example.test", name, detail)


@pytest.mark.parametrize("kind", SENT_TEMPLATES)
def test_a_letter_has_a_subject_a_text_and_a_page(kind: EmailKind) -> None:
    written = render(make_email(kind), URL)

    assert written.subject
    assert "\n" not in written.subject
    # An invitation to a project names who wants something, and knows nobody at the address that it goes to.
    assert written.text.startswith("Hello,\n" if kind is EmailKind.PROJECT_INVITATION else "Hello Ada,\n")
    assert "Ada" in written.text
    assert written.text.endswith("Holdall\n")
    words = html.unescape(re.sub("<[^>]*>", " ", written.html)).split()
    assert set(written.text.split()) <= set(words)


@pytest.mark.parametrize("kind", TEMPLATES_WITH_TOKEN)
def test_the_secret_of_a_link_lies_behind_the_sign_that_no_server_is_sent(kind: EmailKind) -> None:
    written = render(make_email(kind), URL)

    (link,) = re.findall(r"https://\S+", written.text)
    assert link.startswith(f"{URL}/")
    assert link.partition("#")[2] == "hv_lookupid_secret"
    assert written.html.count(f'href="{link}"') == 1


@pytest.mark.parametrize("kind", SENT_TEMPLATES)
def test_a_name_is_only_a_name(kind: EmailKind) -> None:
    written = render(make_email(kind, name='<a href="https://evil.test">{detail}</a> & %s'), URL)

    assert '<a href="https://evil' not in written.html
    assert "&lt;a href" in written.html
    assert "{detail}" in written.text
    assert "evil" not in written.subject


@pytest.mark.parametrize("kind", SENT_TEMPLATES)
def test_somebody_without_a_name_is_greeted_as_well(kind: EmailKind) -> None:
    assert render(make_email(kind, name=""), URL).text.startswith("Hello,\n")


def test_a_letter_to_nobody_has_no_words() -> None:
    with pytest.raises(KeyError):
        render(make_email(EmailKind.DISCARD), URL)


def test_a_letter_to_a_known_address_holds_no_secret() -> None:
    assert "#" not in render(make_email(EmailKind.ACCOUNT_EXISTS, detail=""), URL).text


def test_what_was_changed_is_told() -> None:
    assert "your password" in render(make_email(EmailKind.SECURITY_NOTICE, detail="your password"), URL).text
