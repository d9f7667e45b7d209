"""The words of the first version of the code stay retired: names and prose use the words of docs/glossary.md and of AWS."""

import io
import keyword
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT

# In names, as a part, and in prose: retired word -> replacement.
_WORDS = {
    "anybody": "anyone",
    "birth": "creation",
    "born": "created",
    "deed": "action",
    "deeds": "actions",
    "desk": "development machine",
    "door": "guard",
    "doors": "guards",
    "everybody": "everyone",
    "house": "codebase",
    "journal": "audit log",
    "letter": "email",
    "letters": "emails",
    "mend": "fix",
    "nobody": "no one",
    "rings": "fires",
    "somebody": "a user",
    "visitor": "client",
    "visitors": "clients",
    "whoever": "the caller",
}
# Names, as a whole: retired name -> replacement.
_NAMES = {
    "Claims": "Credentials",
    "Conversation": "ProviderClient",
    "Door": "Guard",
    "Drawing": "RenderJob",
    "Drawn": "RenderedVariant",
    "Entry": "AuditEntry",
    "Failure": "HoldallError",
    "Kept": "StoredResult",
    "Known": "Account",
    "Letter": "Email",
    "Malformed": "BadRequest",
    "Moment": "Rfc3339DateTime",
    "Opened": "IssuedSession",
    "Reading": "BatchGet",
    "Repeated": "DuplicateRequest",
    "Shelf": "VariantPrefix",
    "Standing": "SessionLookup",
    "Stretch": "ScanPage",
    "Taken": "Hit",
    "TooMany": "TooManyRequests",
    "Trouble": "UserError",
    "Unavailable": "ServiceUnavailable",
    "admit": "authorize",
    "answering": "translate_aws_errors",
    "asked": "request",
    "begun": "upload",
    "birth_of_key": "created_at",
    "born_at": "created_at",
    "bury": "soft_delete",
    "condemn": "mark_purging",
    "own_part": "local_part",
    "otherwise": "error",
    "pose": "issue",
    "put_off": "change_visibility",
    "said": "body",
    "soften": "soft_delete",
    "stretch_of": "scan_page",
    "told": "audit_actions",
    "wished": "target",
}
# In prose: retired phrase -> replacement.
_PHRASES = {
    "goes round the edge": "bypasses CloudFront",
    "hold only while": "condition check:",
    "holds only while": "condition check:",
    "is told": "is reported",
    "raises invalid": "the name of the error",
    "raises toomany": "TooManyRequests",
    "raises unavailable": "ServiceUnavailable",
    "stand in": "are in",
    "stands in": "is in",
    "work of the night": "nightly maintenance",
}
# Other meanings of a retired word.
_ALLOWED = re.compile(r"dead[- _]?letter|letter\.txt|(capital|small|upper|lower)[- ]?(case )?letters?", re.IGNORECASE)
_ALLOWED_IN = {
    "docs/decisions.md": {"deeds", "doors", "letters"},  # it explains why the words were retired
    # Letters of an alphabet.
    "layers/core/python/holdall/accounts/challenges.py": {"letters"},
    "layers/core/python/holdall/accounts/password_strength.py": {"letters"},
    "layers/core/python/holdall/accounts/recovery_codes.py": {"letters"},
    "tests/infra/test_security_page.py": {"letter"},
}
_PROSE = re.compile(rf"\b({'|'.join([*_WORDS, *_PHRASES])})\b", re.IGNORECASE)
_NAME_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_DIRECTORIES = ("layers", "functions", "infra", "tests", "docs")
_SUFFIXES = {".py", ".md", ".js", ".html", ".json"}


def test_retired_words_are_not_used() -> None:
    paths = [
        ROOT / "README.md",
        ROOT / "Makefile",
        *(path for each in _DIRECTORIES for path in (ROOT / each).rglob("*")),
    ]
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word} -> {replacement}"
        for path in sorted(paths)
        if path.suffix in _SUFFIXES | {""} and path.is_file() and path != Path(__file__)
        if "node_modules" not in path.parts
        for line, word, replacement in _find_retired(path.read_text(), python=path.suffix == ".py")
        if word not in _ALLOWED_IN.get(str(path.relative_to(ROOT)), ())
    ]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "# whoever asks",
        '"""Raises Unavailable."""',
        "told = 1",
        "def post_letter(): pass",
        "class Door: pass",
        "x = 'the desk'",
    ],
)
def test_retired_word_is_detected(source: str) -> None:
    assert list(_find_retired(source, python=True))


@pytest.mark.parametrize("source", ["# a dead-letter queue", "DeadLetterQueue = 1", "x = 'one capital letter'"])
def test_other_meaning_is_allowed(source: str) -> None:
    assert not list(_find_retired(source, python=True))


def _find_retired(text: str, *, python: bool) -> Iterator[tuple[int, str, str]]:
    """Yield line number, retired word and replacement."""
    for line, name, prose in _tokens(text) if python else _lines(text):
        if name in _NAMES:
            yield line, name, _NAMES[name]
        for part in _NAME_PARTS.findall(_ALLOWED.sub("", name)):
            if part.lower() in _WORDS:
                yield line, part.lower(), _WORDS[part.lower()]
        for match in _PROSE.finditer(_ALLOWED.sub("", prose)):
            retired = match[0].lower()
            yield line, retired, _WORDS.get(retired) or _PHRASES[retired]


def _tokens(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, name and prose of the names, comments and strings of a Python file."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
            yield token.start[0], token.string, ""
        elif token.type not in (tokenize.NAME, tokenize.OP, tokenize.NUMBER):
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, "", line


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        yield number, "", line
