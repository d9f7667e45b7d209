"""Texts of emails (A7): text and HTML say the same, tokens are in fragments of links, and values are never markup."""

import re
from dataclasses import fields
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.emails.model import (
    AccountExists,
    AccountInvitation,
    Discard,
    Email,
    EmailChange,
    EmailContent,
    EmailVerification,
    PasswordReset,
    ProjectInvitation,
    RenderedEmail,
    SecurityNotice,
)
from holdall.emails.templates import render

URL = "https://files.example.test"
TOKEN = f"hv_{'0' * 26}_{'1' * 26}"
CHANGE = "The sign-in with issuer was added."
CONTENTS_WITH_LINK: list[tuple[EmailContent, str]] = [
    (EmailVerification(TOKEN), f"{URL}/verify-email#{TOKEN}"),
    (AccountExists("Ada"), f"{URL}/sign-in"),
    (PasswordReset("Ada", TOKEN), f"{URL}/reset-password#{TOKEN}"),
    (EmailChange(TOKEN), f"{URL}/confirm-email#{TOKEN}"),
    (AccountInvitation(TOKEN), f"{URL}/accept-invitation#{TOKEN}"),
    (ProjectInvitation("bob@example.test", TOKEN), f"{URL}/join#{TOKEN}"),
]
CONTENTS: list[EmailContent] = [*(content for content, _ in CONTENTS_WITH_LINK), SecurityNotice("Ada", CHANGE)]
TEXTS = st.text(max_size=100) | st.sampled_from(
    ['<a href="https://evil.test">', "&amp;", "{change}", "{0}", "{", "\"'>"]
)


class HtmlPage(HTMLParser):
    """The tags, links and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def render_content(content: EmailContent) -> RenderedEmail:
    return render(Email("0" * 26, "ada@example.test", content), URL)


@pytest.mark.parametrize(("content", "link"), CONTENTS_WITH_LINK)
def test_link_has_the_token_in_its_fragment(content: EmailContent, link: str) -> None:
    rendered = render_content(content)

    assert re.findall(r"https://\S+", rendered.text) == [link]
    assert HtmlPage(rendered.html).links == [link]


def test_security_notice_has_the_change_and_no_link() -> None:
    rendered = render_content(SecurityNotice("Ada", CHANGE))

    assert CHANGE in rendered.text
    assert CHANGE in HtmlPage(rendered.html).text
    assert HtmlPage(rendered.html).links == []
    assert "https:" not in rendered.text


@pytest.mark.parametrize("content", CONTENTS)
def test_text_and_html_say_the_same(content: EmailContent) -> None:
    rendered = render_content(content)
    html_text = re.sub(r"\s", "", HtmlPage(rendered.html).text)

    for paragraph in rendered.text.strip().split("\n\n"):
        assert re.sub(r"\s", "", paragraph) in html_text


@pytest.mark.parametrize("content", CONTENTS)
def test_each_email_says_who_sends_it_and_what_to_do_if_it_was_not_expected(content: EmailContent) -> None:
    salutation, first, *_, footer, signature = render_content(content).text.strip().split("\n\n")

    assert salutation == (f"Hello {content.name}," if hasattr(content, "name") else "Hello,")
    assert first[0].isupper() or first.startswith("bob@example.test")
    assert "Holdall" in first
    assert "If you did" in footer
    assert signature == "Holdall at files.example.test"


@pytest.mark.parametrize("content", CONTENTS)
def test_subject_is_one_line_without_a_value(content: EmailContent) -> None:
    subject = render_content(content).subject

    assert "\n" not in subject
    assert not [value for value in vars(content).values() if value in subject]


def test_discarded_email_has_no_text() -> None:
    with pytest.raises(KeyError):
        render_content(Discard())


def test_user_without_a_name_is_greeted_without_it() -> None:
    assert render_content(PasswordReset("", TOKEN)).text.startswith("Hello,\n\n")


@given(value=TEXTS)
def test_value_is_never_markup(value: str) -> None:
    pairs: list[tuple[EmailContent, EmailContent]] = [
        (PasswordReset(value, TOKEN), PasswordReset("Ada", TOKEN)),
        (ProjectInvitation(value, TOKEN), ProjectInvitation("bob@example.test", TOKEN)),
        (SecurityNotice(value, value), SecurityNotice("Ada", CHANGE)),
    ]
    for content, same in pairs:
        page, expected = HtmlPage(render_content(content).html), HtmlPage(render_content(same).html)

        assert (page.tags, page.links) == (expected.tags, expected.links)
        assert value.strip() in page.text or "\r" in value or "\x00" in value
        assert value in render_content(content).text


@pytest.mark.parametrize("content", [*CONTENTS, Discard()])
def test_message_contains_the_whole_email(content: EmailContent) -> None:
    email = Email("0" * 26, "ada@example.test", content)

    assert Email.from_json(email.to_json()) == email


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"id": "1", "to": "a", "kind": "nonsense"}',
        '{"id": "1", "to": "a", "kind": "password-reset"}',
        '{"id": "1", "to": "a", "kind": "discard", "more": "x"}',
        "[]",
        "nonsense",
    ],
)
def test_message_of_an_unknown_shape_is_rejected(body: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Email.from_json(body)


def test_email_to_an_unproven_address_has_no_words_of_a_stranger() -> None:
    # Of these kinds anyone chooses the recipient. The address of an inviter was proved.
    kinds = (EmailVerification, EmailChange, AccountInvitation, ProjectInvitation)

    assert {field.name for kind in kinds for field in fields(kind)} == {"token", "inviter"}
