"""What the deployment decides is read once, and all of it."""

from collections.abc import Iterator

import pytest

from holdall.platform.config import settings


@pytest.fixture(autouse=True)
def _clear_settings_cache() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_a_value_comes_with_the_kind_that_its_field_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_FILES", "12")
    monkeypatch.setenv("SIGN_UP", "invite")

    assert (settings().max_files, settings().sign_up) == (12, "invite")


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIT_TABLE")

    with pytest.raises(KeyError, match="AUDIT_TABLE"):
        settings()


@pytest.mark.parametrize(("name", "value"), [("SIGN_UP", "maybe"), ("MAX_FILES", "many"), ("EMAIL_VERIFICATION", "")])
def test_a_value_that_means_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValueError, match=name if name != "MAX_FILES" else "many"):
        settings()
