"""The settings are read from the environment once, with the type of each field."""

from collections.abc import Iterator

import pytest

from holdall.platform.config import settings


@pytest.fixture(autouse=True)
def _clear_settings_cache() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_value_has_the_type_of_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_FILES", "12")
    monkeypatch.setenv("SIGN_UP", "invite")
    monkeypatch.setenv("EMAIL_VERIFICATION", "on")
    monkeypatch.setenv("DEVELOPER_TOKENS", "off")
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.test,https://b.test")
    monkeypatch.setenv("RATE_LIMITS", '{"login": [10, 900]}')

    assert (settings().max_files, settings().sign_up) == (12, "invite")
    assert (settings().email_verification, settings().developer_tokens) == (True, False)
    assert settings().allowed_origins == {"https://a.test", "https://b.test"}
    assert settings().rate_limits == {"login": (10, 900)}


@pytest.mark.parametrize(("text", "bucket"), [("", None), ("exports", "exports")])
def test_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch, text: str, bucket: str | None) -> None:
    monkeypatch.setenv("AUDIT_EXPORT_BUCKET", text)

    assert settings().audit_export_bucket == bucket


def test_error_names_missing_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIT_TABLE")

    with pytest.raises(KeyError, match="AUDIT_TABLE"):
        settings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SIGN_UP", "maybe"),
        ("MAX_FILES", "many"),
        ("EMAIL_VERIFICATION", ""),
        ("RATE_LIMITS", "{"),
        ("RATE_LIMITS", '{"login": [10]}'),
    ],
)
def test_error_names_field_of_wrong_value(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)

    with pytest.raises(ValueError, match=name.lower()):
        settings()
