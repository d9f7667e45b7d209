"""What letters say: secrets behind "#", which no server is sent; names as text, in HTML too."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.letters.model import Kind, Letter, Written, write

URL = "https://files.example.test"
SECRET = f"hv_{'0' * 26}_{'1' * 26}"
LINKED = {
    Kind.VERIFY: "verify-email",
    Kind.RESET: "reset-password",
    Kind.EMAIL_CHANGE: "confirm-email",
    Kind.INVITATION: "accept-invitation",
}
SENT = [kind for kind in Kind if kind is not Kind.NOBODY]


class Page(HTMLParser):
    """The tags, links and text of a letter."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def written(kind: Kind, *, name: str = "Ada", detail: str = SECRET) -> Written:
    return write(Letter("0" * 26, kind, "ada@example.test", name, detail), URL)


@pytest.mark.parametrize(("kind", "path"), LINKED.items())
def test_a_link_holds_its_secret_where_no_server_is_sent_it(kind: Kind, path: str) -> None:
    letter, link = written(kind), f"{URL}/{path}#{SECRET}"

    assert re.findall(r"https://\S+", letter.text) == [link]
    assert Page(letter.html).links == [link]
    assert SECRET not in letter.subject


def test_who_has_an_account_gets_a_link_without_a_secret() -> None:
    letter = written(Kind.KNOWN, detail="")

    assert re.findall(r"https://\S+", letter.text) == [f"{URL}/sign-in"]
    assert "#" not in "".join(link or "" for link in Page(letter.html).links)


def test_a_change_is_named_and_leads_nowhere() -> None:
    letter = written(Kind.CHANGED, detail="the sign-in with issuer was added")

    assert "the sign-in with issuer was added" in letter.text
    assert "the sign-in with issuer was added" in Page(letter.html).text
    assert Page(letter.html).links == []
    assert "https:" not in letter.text


@pytest.mark.parametrize("kind", SENT)
def test_a_letter_says_the_same_as_a_text_and_as_a_page(kind: Kind) -> None:
    letter = written(kind)
    page = re.sub(r"\s", "", Page(letter.html).text)

    for paragraph in letter.text.strip().split("\n\n"):
        assert re.sub(r"\s", "", paragraph) in page
    assert letter.text.startswith("Hello,\n\n" if kind is Kind.JOIN else "Hello Ada,\n\n")
    assert letter.text.endswith("Holdall\n")


def test_nobody_gets_no_letter() -> None:
    with pytest.raises(KeyError):
        written(Kind.NOBODY)


@pytest.mark.parametrize("kind", SENT)
@given(name=st.text(max_size=100) | st.sampled_from(['<a href="https://evil.test">', "&amp;", "{detail}", "\"'>"]))
def test_a_name_is_text_whatever_it_holds(kind: Kind, name: str) -> None:
    plain, page = Page(written(kind).html), Page(written(kind, name=name).html)

    assert (page.tags, page.links) == (plain.tags, plain.links)
    assert SECRET not in written(kind, name=name).subject


@pytest.mark.parametrize("detail", ["<b>", "{0}", "{detail}", "{", "&lt;"])
def test_what_was_changed_is_text_whatever_it_holds(detail: str) -> None:
    letter = written(Kind.CHANGED, detail=detail)

    assert f": {detail}." in letter.text
    assert f": {detail}." in Page(letter.html).text


def test_who_has_no_name_is_greeted_without() -> None:
    assert written(Kind.RESET, name="").text.startswith("Hello,\n\n")
