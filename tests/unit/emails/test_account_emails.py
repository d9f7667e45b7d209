"""What letters say: secrets behind "#", which no server is sent; names as text, in HTML too."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.emails.model import Email, EmailKind, RenderedEmail, render

URL = "https://files.example.test"
SECRET = f"hv_{'0' * 26}_{'1' * 26}"
LINK_PATHS = {
    EmailKind.EMAIL_VERIFICATION: "verify-email",
    EmailKind.RESET: "reset-password",
    EmailKind.EMAIL_CHANGE: "confirm-email",
    EmailKind.ACCOUNT_INVITATION: "accept-invitation",
}
SENT_TEMPLATES = [kind for kind in EmailKind if kind is not EmailKind.DISCARD]


class HtmlPage(HTMLParser):
    """The tags, links and text of a letter."""

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


def render_email(kind: EmailKind, *, name: str = "Ada", detail: str = SECRET) -> RenderedEmail:
    return render(Email("0" * 26, kind, "ada@example.test", name, detail), URL)


@pytest.mark.parametrize(("kind", "path"), LINK_PATHS.items())
def test_a_link_holds_its_secret_where_no_server_is_sent_it(kind: EmailKind, path: str) -> None:
    letter, link = render_email(kind), f"{URL}/{path}#{SECRET}"

    assert re.findall(r"https://\S+", letter.text) == [link]
    assert HtmlPage(letter.html).links == [link]
    assert SECRET not in letter.subject


def test_who_has_an_account_gets_a_link_without_a_secret() -> None:
    letter = render_email(EmailKind.ACCOUNT_EXISTS, detail="")

    assert re.findall(r"https://\S+", letter.text) == [f"{URL}/sign-in"]
    assert "#" not in "".join(link or "" for link in HtmlPage(letter.html).links)


def test_a_change_is_named_and_leads_nowhere() -> None:
    letter = render_email(EmailKind.SECURITY_NOTICE, detail="the sign-in with issuer was added")

    assert "the sign-in with issuer was added" in letter.text
    assert "the sign-in with issuer was added" in HtmlPage(letter.html).text
    assert HtmlPage(letter.html).links == []
    assert "https:" not in letter.text


@pytest.mark.parametrize("kind", SENT_TEMPLATES)
def test_a_letter_says_the_same_as_a_text_and_as_a_page(kind: EmailKind) -> None:
    letter = render_email(kind)
    page = re.sub(r"\s", "", HtmlPage(letter.html).text)

    for paragraph in letter.text.strip().split("\n\n"):
        assert re.sub(r"\s", "", paragraph) in page
    assert letter.text.startswith("Hello,\n\n" if kind is EmailKind.PROJECT_INVITATION else "Hello Ada,\n\n")
    assert letter.text.endswith("Holdall\n")


def test_nobody_gets_no_letter() -> None:
    with pytest.raises(KeyError):
        render_email(EmailKind.DISCARD)


@pytest.mark.parametrize("kind", SENT_TEMPLATES)
@given(name=st.text(max_size=100) | st.sampled_from(['<a href="https://evil.test">', "&amp;", "{detail}", "\"'>"]))
def test_a_name_is_text_whatever_it_holds(kind: EmailKind, name: str) -> None:
    plain, page = HtmlPage(render_email(kind).html), HtmlPage(render_email(kind, name=name).html)

    assert (page.tags, page.links) == (plain.tags, plain.links)
    assert SECRET not in render_email(kind, name=name).subject


@pytest.mark.parametrize("detail", ["<b>", "{0}", "{detail}", "{", "&lt;"])
def test_what_was_changed_is_text_whatever_it_holds(detail: str) -> None:
    letter = render_email(EmailKind.SECURITY_NOTICE, detail=detail)

    assert f": {detail}." in letter.text
    assert f": {detail}." in HtmlPage(letter.html).text


def test_who_has_no_name_is_greeted_without() -> None:
    assert render_email(EmailKind.RESET, name="").text.startswith("Hello,\n\n")
