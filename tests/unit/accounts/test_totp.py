"""Time-based one-time passwords (S5): the vectors of the RFCs, the window, and no code twice."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from holdall.accounts import totp
from holdall.platform import ids
from tests.support.factories import FROZEN_TIME

SEED = base64.b32encode(b"12345678901234567890").decode()
STEP = int(FROZEN_TIME.timestamp()) // 30
SVG_NAMESPACE = "{http://www.w3.org/2000/svg}"
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # Hypothesis adds it
SEEDS = st.binary(min_size=20, max_size=20).map(lambda seed: base64.b32encode(seed).decode())


@pytest.mark.parametrize(
    ("counter", "code"),
    list(
        enumerate(
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"],
        )
    ),
)
def test_vectors_of_rfc_4226_appendix_d(counter: int, code: str) -> None:
    assert totp._generate_code(SEED, counter) == code


# Erratum 2866: the seeds for SHA-256 and SHA-512 are as long as their digests.
@pytest.mark.parametrize(
    ("seconds", "digest", "length", "code"),
    [
        (59, hashlib.sha1, 20, "94287082"),
        (59, hashlib.sha256, 32, "46119246"),
        (59, hashlib.sha512, 64, "90693936"),
        (1111111109, hashlib.sha1, 20, "07081804"),
        (1111111109, hashlib.sha256, 32, "68084774"),
        (1111111109, hashlib.sha512, 64, "25091201"),
        (1111111111, hashlib.sha1, 20, "14050471"),
        (1111111111, hashlib.sha256, 32, "67062674"),
        (1111111111, hashlib.sha512, 64, "99943326"),
        (1234567890, hashlib.sha1, 20, "89005924"),
        (1234567890, hashlib.sha256, 32, "91819424"),
        (1234567890, hashlib.sha512, 64, "93441116"),
        (2000000000, hashlib.sha1, 20, "69279037"),
        (2000000000, hashlib.sha256, 32, "90698825"),
        (2000000000, hashlib.sha512, 64, "38618901"),
        (20000000000, hashlib.sha1, 20, "65353130"),
        (20000000000, hashlib.sha256, 32, "77737706"),
        (20000000000, hashlib.sha512, 64, "47863826"),
    ],
)
def test_vectors_of_rfc_6238_appendix_b(seconds: int, digest: Callable[..., Any], length: int, code: str) -> None:
    seed = base64.b32encode((b"1234567890" * 7)[:length]).decode()

    assert totp._generate_code(seed, seconds // 30, digits=8, digest=digest) == code


def test_seed_has_160_bits_in_base_32(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(base64.b32decode(totp.new_seed())) == 20
    assert totp.new_seed() != totp.new_seed()

    monkeypatch.setattr(ids, "new_bytes", lambda length: b"12345678901234567890"[:length])
    assert totp.new_seed() == SEED == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@given(TIMES, st.integers(-4, 4))
def test_code_is_accepted_in_its_step_and_the_steps_beside_it(now: datetime, drift: int) -> None:
    step = int(now.timestamp()) // 30 + drift
    assume(step >= 0)
    code = totp._generate_code(SEED, step)
    others = {
        totp._generate_code(SEED, step - drift + each) for each in (-1, 0, 1) if step - drift + each not in (-1, step)
    }
    assume(code not in others)

    assert totp.find_matching_step(SEED, code, now, after=None) == (step if abs(drift) <= 1 else None)


@pytest.mark.parametrize(
    ("second", "step"),
    [(0, STEP), (29.999, STEP), (30, STEP), (59.999, STEP), (60, None), (-30, STEP), (-30.001, None)],
)
def test_window_ends_to_the_second(second: float, step: int | None) -> None:
    now = datetime.fromtimestamp(STEP * 30, UTC) + timedelta(seconds=second)

    assert totp.find_matching_step(SEED, totp._generate_code(SEED, STEP), now, after=None) == step


@given(SEEDS, TIMES, st.lists(st.tuples(st.integers(0, 90), st.integers(-2, 2)), max_size=12))
def test_no_code_is_accepted_twice(seed: str, now: datetime, attempts: list[tuple[int, int]]) -> None:
    last_step: int | None = None
    accepted: list[str] = []
    for seconds, drift in attempts:
        now += timedelta(seconds=seconds)
        code = totp._generate_code(seed, max(int(now.timestamp()) // 30 + drift, 0))
        step = totp.find_matching_step(seed, code, now, after=last_step)
        if step is not None:
            assert last_step is None or step > last_step
            last_step = step
            accepted.append(code)

    # Two steps that are hours apart may have the same code by chance. The attempts of this test span minutes.
    assert len(accepted) == len(set(accepted))


def test_step_and_all_before_it_are_used_up() -> None:
    codes = {step: totp._generate_code(SEED, step) for step in (STEP - 1, STEP, STEP + 1)}
    after = {step: totp.find_matching_step(SEED, code, FROZEN_TIME, after=STEP) for step, code in codes.items()}

    assert after == {STEP - 1: None, STEP: None, STEP + 1: STEP + 1}


def test_code_of_two_steps_is_used_up_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totp, "_generate_code", lambda seed, step: "000000" if step in (STEP, STEP + 1) else "111111")

    assert totp.find_matching_step(SEED, "000000", FROZEN_TIME, after=None) == STEP + 1
    assert totp.find_matching_step(SEED, "000000", FROZEN_TIME, after=STEP + 1) is None


def test_all_three_steps_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    same = ids.constant_time_equal

    def record(one: str, other: str) -> bool:
        compared.append(one)
        return same(one, other)

    monkeypatch.setattr(ids, "constant_time_equal", record)

    for step in (STEP - 1, STEP, STEP + 1):
        assert totp.find_matching_step(SEED, totp._generate_code(SEED, step), FROZEN_TIME, after=None) == step
    assert len(compared) == 9


def test_no_step_is_negative() -> None:
    epoch = datetime.fromtimestamp(0, UTC)

    assert totp.find_matching_step(SEED, "755224", epoch, after=None) == 0


@pytest.mark.parametrize("template", ["{0}{1}", "{0} {1}", " {0}{1} ", "{0}\u00a0{1}", "{0}\n{1}\n"])
def test_spaces_in_a_code_are_ignored(template: str) -> None:
    code = totp._generate_code(SEED, STEP)

    assert totp.find_matching_step(SEED, template.format(code[:3], code[3:]), FROZEN_TIME, after=None) == STEP


@pytest.mark.parametrize(
    "form",
    [
        lambda code: "",
        lambda code: " ",
        lambda code: code[:5],
        lambda code: code + "0",
        lambda code: "0" + code,
        lambda code: f"+{code}",
        lambda code: f"{code[:3]}-{code[3:]}",
        lambda code: code.translate({48 + digit: 0x660 + digit for digit in range(10)}),
        lambda code: code.translate({48 + digit: 0xFF10 + digit for digit in range(10)}),
        lambda code: code[:5] + "\ud800",
    ],
)
def test_code_has_six_ascii_digits(form: Callable[[str], str]) -> None:
    assert totp.find_matching_step(SEED, form(totp._generate_code(SEED, STEP)), FROZEN_TIME, after=None) is None


@given(st.text(max_size=20))
def test_other_text_is_not_accepted(text: str) -> None:
    assume("".join(text.split()) not in {totp._generate_code(SEED, STEP + drift) for drift in (-1, 0, 1)})

    assert totp.find_matching_step(SEED, text, FROZEN_TIME, after=None) is None


def test_uri_has_the_label_the_seed_and_the_issuer() -> None:
    uri = totp.otpauth_uri(SEED, "ada@example.test", "Holdall")

    assert uri == f"otpauth://totp/Holdall:ada%40example.test?secret={SEED}&issuer=Holdall"


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_names_are_encoded_in_the_uri(account: str, issuer: str) -> None:
    uri = urlsplit(totp.otpauth_uri(SEED, account, issuer))
    label = unquote(uri.path).removeprefix("/")

    assert (uri.scheme, uri.netloc, uri.fragment) == ("otpauth", "totp", "")
    assert label.split(":") == [issuer.replace(":", " "), account.replace(":", " ")]
    assert parse_qs(uri.query) == {"secret": [SEED], "issuer": [issuer.replace(":", " ")]}


def parse_qr_svg(uri: str) -> ET.Element:
    return ET.fromstring(totp.render_qr_svg(uri))  # noqa: S314  # our own XML


def test_qr_code_is_an_image_with_a_size_and_a_title() -> None:
    svg = parse_qr_svg(totp.otpauth_uri(SEED, "ada@example.test", "Holdall"))

    assert svg.tag == f"{SVG_NAMESPACE}svg"
    assert svg.get("role") == "img"
    assert int(svg.get("width", "0")) == int(svg.get("height", "0")) > 150
    assert svg.findtext(f"{SVG_NAMESPACE}title") == "QR code to scan with an authenticator app"


def test_qr_code_needs_no_script_and_no_style() -> None:
    svg = parse_qr_svg(totp.otpauth_uri(SEED, '"><script>alert(1)</script>@example.test', "Holdall"))

    assert {element.tag.removeprefix(SVG_NAMESPACE) for element in svg.iter()} == {"svg", "title", "g", "path"}
    attributes = {name for element in svg.iter() for name in element.keys()}  # noqa: SIM118  # an element is not a mapping
    assert attributes <= {"role", "width", "height", "transform", "fill", "stroke", "d"}


def test_longest_address_fits_in_a_qr_code() -> None:
    assert totp.render_qr_svg(
        totp.otpauth_uri(SEED, "漢" * 80 + "@example.test", "Holdall of an organization with a long name")
    )
