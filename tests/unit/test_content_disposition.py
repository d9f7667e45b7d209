"""Names in Content-Disposition: the parsers of Node and of Python read from it the name that is listed (U6)."""

import json
import random
import subprocess
from collections.abc import Sequence
from email import policy
from email.message import EmailMessage, Message

import pytest

from holdall.files.names import clean_name, content_disposition
from tests.support.source_tree import ROOT

# Names that break programs, of the list that they are collected in. Some are longer than a name may be.
_NAUGHTY = json.loads((ROOT / "node_modules/big-list-of-naughty-strings/blns.json").read_text())
_TRICKY = [
    "..",
    "../../etc/passwd",
    "C:\\Windows\\win.ini",
    "CON",
    "a\r\nSet-Cookie: b=c",
    'a"; filename="b.exe',
    "a\\",
    'a\\"b',
    "'a'b'",
    "UTF-8''a.txt",
    "=?utf-8?q?a?=.txt",
    "a*0=b; c*=d.txt",
    "%41%0d%0a.txt",
    "photo\u202egpj.exe",
    "\u2066a\u2069.txt",
    "a  b   c.txt",
    "a\u00a0b\u2003c.txt",
    ".hidden",
    "a.",
    "-rf",
    "~",
    "e\u0301.txt",
    "x" * 255,
    "\u00e9" * 127 + ".",  # 255 bytes
    "\U0001f600" * 255,  # 255 characters, 1020 bytes
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.txt",
]
# Visible ASCII, as it is most often escaped wrongly, and some other characters.
_ALPHABET = [chr(code) for code in range(32, 127)] + list("\u00e9\u00df\u6f22\u0416\u05d0\U0001f600\uff02\uff0f\u2019")


@pytest.fixture(scope="module")
def names() -> list[str]:
    """Return names as they are stored."""
    numbers = random.Random(12)  # noqa: S311  # not a secret
    generated = ["".join(numbers.choices(_ALPHABET, k=numbers.randint(1, 40))) for _ in range(3000)]
    cleaned = {clean_name(name[:255]) for name in (*_NAUGHTY, *_TRICKY, *generated)} - {""}
    return sorted(cleaned)


def test_there_are_many_names(names: list[str]) -> None:
    assert len(names) > 3000
    assert sum(name in names for name in _NAUGHTY) > 200  # the others are changed by cleaning


def test_node_reads_the_same_name(names: list[str]) -> None:
    assert _parse_with_node([content_disposition("attachment", name) for name in names]) == [
        {"type": "attachment", "name": name} for name in names
    ]


def test_python_reads_the_same_name(names: list[str]) -> None:
    for name in names:
        header = content_disposition("attachment", name)
        message, old_message = EmailMessage(policy.HTTP), Message()
        message["Content-Disposition"] = old_message["Content-Disposition"] = header
        # Not `get_filename` of the new class, which takes quotes for a part of the syntax that are a part of the name.
        assert message["Content-Disposition"].params == {"filename": name}
        assert message["Content-Disposition"].defects == ()
        assert (old_message.get_content_disposition(), old_message.get_filename()) == ("attachment", name)


def _parse_with_node(headers: Sequence[str]) -> list[dict[str, str]]:
    program = """
        const parser = require("content-disposition");
        const headers = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const parsed = headers.map((header) => parser.parse(header));
        console.log(JSON.stringify(parsed.map(({type, parameters}) => ({type, name: parameters.filename}))));
    """
    command = ["node", "--eval", program]
    node = subprocess.run(command, input=json.dumps(headers), cwd=ROOT, capture_output=True, text=True, check=True)
    result: list[dict[str, str]] = json.loads(node.stdout)
    return result
