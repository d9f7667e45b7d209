"""Email addresses and passwords (A1, A3)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from holdall.accounts.model import LoginRequest, SignUpRequest, check_password_strength
from holdall.iam.model import EmailAddress, normalize_email
from holdall.iam.store import users as iam_store
from holdall.platform.errors import ValidationFailed

EMAIL_ADAPTER: TypeAdapter[str] = TypeAdapter(EmailAddress)


@pytest.mark.parametrize(
    "address",
    [
        "Ada@example.test",
        " ada@example.test ",
        "ADA@EXAMPLE.TEST",
        "ada@example。test",
        "\uff41\uff44\uff41@example.test",
        "ada@\uff45xample.test",
        "\tada@example.test\n",
    ],
)
def test_equivalent_addresses_have_the_same_normal_form(address: str) -> None:
    assert normalize_email(EMAIL_ADAPTER.validate_python(address)) == "ada@example.test"
    assert normalize_email(address) == "ada@example.test"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("straße@example.test", "STRASSE@example.test"),
        ("ada@bücher.test", "ada@xn--bcher-kva.test"),
        ("ada@BÜCHER.test", "ada@bücher.test"),
        ("e\u0301a@example.test", "éa@example.test"),
        ("\u03a3\u0391\u03a3@example.test", "\u03c3\u03b1\u03c2@example.test"),
    ],
)
def test_case_and_encoding_do_not_distinguish_addresses(one: str, other: str) -> None:
    assert normalize_email(one) == normalize_email(other)


def test_different_addresses_have_different_normal_forms() -> None:
    addresses = ["ada@example.test", "a.da@example.test", "ada+x@example.test", "ada@other.test", "ada@a.example.test"]
    addresses += [
        "ada@fa\u00df.test",
        "ada@fass.test",
        "ada@\u03b2\u03cc\u03bb\u03bf\u03c2.test",
        "ada@\u03b2\u03cc\u03bb\u03bf\u03c3.test",
    ]  # RFC 5894, section 7.2

    assert len({normalize_email(each) for each in addresses}) == len(addresses)


@given(st.text(max_size=40), st.sampled_from(["example.test", "bücher.test", "EXAMPLE.test", "例え.test"]))
def test_normal_form_is_stable(local: str, domain: str) -> None:
    try:
        address = EMAIL_ADAPTER.validate_python(f"{local}@{domain}")
    except ValidationError:
        return
    assert normalize_email(address) == normalize_email(f"{local}@{domain}")
    assert normalize_email(normalize_email(address)) == normalize_email(address)
    assert address.count("@") == normalize_email(address).count("@") == 1
    assert not {unicodedata.category(each)[0] for each in normalize_email(address)} & {"C", "Z"}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.test",
        "ada@",
        "ada@localhost",
        "ada@.test",
        "ada@example.",
        "ada@example..test",
        "ada@@example.test",
        "ada@b@example.test",
        "a da@example.test",
        "ada@exa mple.test",
        "ada\n@example.test",
        "ada\x00@example.test",
        "ada\u202e@example.test",
        "ada@example.test\r\nBcc: all@example.test",
        "ada\uff20b@example.test",
        "ada@exa\uff20mple.test",
        "x" * 65 + "@example.test",
        "ada@" + "x" * 64 + ".test",
        "ada@" + "x." * 130 + "test",
        "\ufdfa@example.test",
        '"ada"@example.test',
        "Ada <ada@example.test>",
        ".ada@example.test",
        "ada.@example.test",
        "a..da@example.test",
        "a.\uff0eda@example.test",
        "ada@[127.0.0.1]",
        "ada@1.2.3.4",
        "ada@a_b.test",
        "ada@-a.test",
        "ada@\u2603.test",
        "ada@xn--a.test",
        "ada@example.local",
    ],
)
def test_invalid_address_is_rejected(address: str) -> None:
    with pytest.raises(ValidationError):
        EMAIL_ADAPTER.validate_python(address)


@given(st.text(max_size=300))
def test_any_text_is_accepted_or_rejected(text: str) -> None:
    normalize_email(text)
    try:
        EMAIL_ADAPTER.validate_python(text)
    except ValidationError:
        return


def sign_up_request(password: str) -> SignUpRequest:
    return SignUpRequest(email="ada@example.test", password=password)


@pytest.mark.parametrize(
    "password", ["12345678", "x" * 128, "漢" * 128, "😀" * 128, " " * 8, "pass\nword\x00", "e\u0301" * 8]
)
def test_password_is_any_text_and_is_not_changed(password: str) -> None:
    assert sign_up_request(password).password == password


@pytest.mark.parametrize("password", ["", "1234567", "x" * 129, "é" * 7])
def test_password_has_8_to_128_characters(password: str) -> None:
    with pytest.raises(ValidationError):
        sign_up_request(password)


@pytest.mark.parametrize("password", ["x" * 1025, "漢" * 400, "😀" * 300])
def test_password_of_more_than_1024_bytes_is_not_hashed(password: str) -> None:
    with pytest.raises(ValidationError):
        LoginRequest(email="ada@example.test", password=password)


@pytest.mark.parametrize(
    "password",
    [
        "lovelace",
        "Lovelace1",
        "123LOVELACE",
        "lovelace@example.test",
        "LOVELACE@EXAMPLE.TEST",
    ],
)
def test_password_derived_from_the_address_is_rejected(password: str) -> None:
    with pytest.raises(ValidationFailed) as raised:
        check_password_strength(password, "lovelace@example.test")
    assert raised.value.pointer == "/password"


@pytest.mark.parametrize(
    ("password", "address"),
    [
        ("correct horse battery", "lovelace@example.test"),
        ("lovelace and much more", "lovelace@example.test"),
        ("adadadadada", "ada@example.test"),
    ],
)
def test_password_that_only_resembles_the_address_is_accepted(password: str, address: str) -> None:
    check_password_strength(password, address)


def test_normal_form_of_any_text_fits_into_a_key() -> None:
    # One character becomes eighteen here, and a login accepts any text as an address.
    assert len(iam_store._email_pk(normalize_email("\ufdfa" * 254)).encode()) <= 2048
    assert iam_store._email_pk("ada@example.test") == "UNIQUE#EMAIL#ada@example.test"
