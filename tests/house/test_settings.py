"""One list of settings: what the functions are told is what they read."""

import dataclasses
import json
from typing import Any
from unittest.mock import MagicMock

from holdall.config import Settings
from infra.constructs.environment import environment
from infra.stage import Stage
from tests.house.tree import ROOT

# Of the libraries that the functions carry, and of Lambda itself, which sets its region and the service of each function.
_OF_POWERTOOLS = {"POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
_OF_LAMBDA = {"AWS_REGION"}

_STAGES: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]


def test_the_environment_is_the_settings() -> None:
    fields = {field.name.upper() for field in dataclasses.fields(Settings)}

    for name in _STAGES:
        # The parts of the stack are only asked for names, which a stand-in has as well, and without a synth.
        told = environment(Stage.named(name, _STAGES), MagicMock(), public_url="https://example.test", origins=["*"])
        assert set(told) | _OF_LAMBDA == fields | _OF_POWERTOOLS


def test_no_value_is_left_out() -> None:
    # CloudFormation takes texts alone, and a missing number would be one as well: "None", found at the first request.
    told = environment(Stage.named("local", _STAGES), MagicMock(), public_url="https://example.test", origins=["*"])

    assert [name for name, value in told.items() if value == "None"] == []
