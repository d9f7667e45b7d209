"""The environment of the functions has a variable for each field of the settings."""

import dataclasses
import json
from unittest.mock import MagicMock

from holdall.platform.config import Settings
from infra.constructs.environment import environment
from infra.stage import Stage
from tests.support.source_tree import ROOT

# Powertools and Lambda read and set variables of their own.
_POWERTOOLS_SETTINGS = {"POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
_LAMBDA_SETTINGS = {"AWS_REGION"}

_STAGE_NAMES = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]


def test_environment_matches_the_settings() -> None:
    fields = {field.name.upper() for field in dataclasses.fields(Settings)}

    for name in _STAGE_NAMES:
        assert set(_environment(name)) | _LAMBDA_SETTINGS == fields | _POWERTOOLS_SETTINGS


def test_every_variable_has_a_value() -> None:
    # A missing number would become the text "None", and fail at the first request.
    assert [name for name, value in _environment("local").items() if value == "None"] == []


def _environment(stage_name: str) -> dict[str, str]:
    # Mocks have names, as the constructs do, and need no synth.
    constructs = {name: MagicMock() for name in ("tables", "queues", "originals", "variants", "exports")}
    return environment(Stage.load(stage_name), **constructs, public_url="https://example.test", origins=["*"])
