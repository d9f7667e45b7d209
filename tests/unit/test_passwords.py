"""Password hashes (A1, A3)."""

import pytest
from pydantic import TypeAdapter, ValidationError

from holdall.platform import passwords
from holdall.platform.schemas import NewPassword


@pytest.mark.parametrize("same", ["pa\u0308sswort-\ufb01n", "p\u00e4sswort-fin", "p\u00e4sswort-\uff46\uff49\uff4e"])
def test_passwords_are_compared_after_nfkc(same: str) -> None:
    password_hash = passwords.hash_password("p\u00e4sswort-fin")

    assert passwords.verify(same, password_hash)
    assert not passwords.verify("passwort-fin", password_hash)


def test_account_without_a_password_accepts_none() -> None:
    assert not passwords.verify("", None)
    assert not passwords.verify("correct horse battery", None)


def test_password_that_nfkc_makes_longer_than_1024_bytes_is_rejected() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(NewPassword).validate_python("\ufdfa" * 64)
