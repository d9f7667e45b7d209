"""X2: the edge store in the template: its address is there, and its credentials are not."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from holdall.platform.config import EdgeStore
from infra.stage import InvalidStage, Stage
from tests.infra.template import Template

_VALID = {
    "endpoint": "https://minio.example.com",
    "publicEndpoint": "https://edge.example.com",
    "bucket": "holdall",
    "region": "us-east-1",
    "deleteAfterSync": "off",
    "syncSchedule": "cron(0 0 * * ? *)",
}


def test_functions_know_the_edge_store_of_their_stage(
    cloud_template: Template, template_with_options: Template
) -> None:
    assert {_edge_store(function) for function in cloud_template.functions().values()} == {""}
    [value] = {_edge_store(function) for function in template_with_options.functions().values()}
    assert TypeAdapter(EdgeStore).validate_json(value) == EdgeStore(
        "https://minio.example.com", "https://edge.example.com", "holdall", "us-east-1", delete_after_sync=True
    )


def test_no_credentials_of_the_edge_store_are_in_the_template(template_with_options: Template) -> None:
    text = json.dumps(template_with_options.body).lower()
    assert "edge-credentials" in text  # the name of the parameter, in the rights to read it
    assert "secretaccesskey" not in text
    assert "AWS::SSM::Parameter" not in {each["Type"] for each in template_with_options.body["Resources"].values()}


def test_console_may_use_the_edge_store(cloud_template: Template, template_with_options: Template) -> None:
    assert "https://edge.example.com" not in json.dumps(cloud_template.body)
    policies = template_with_options.properties("AWS::CloudFront::ResponseHeadersPolicy").values()
    assert json.dumps(list(policies)).count("https://edge.example.com") == 3  # images, media and requests


def test_sync_runs_by_the_schedule_of_the_stage(cloud_template: Template, template_with_options: Template) -> None:
    assert _schedules(cloud_template) == []
    assert _schedules(template_with_options) == ["cron(30 0 * * ? *)"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", "minio.example.com"),
        ("endpoint", "https://minio.example.com/"),
        ("publicEndpoint", "ftp://edge.example.com"),
        ("bucket", ""),
        ("endpoint", "https://key:secret@minio.example.com"),
        ("syncSchedule", "rate(1 day)"),
        ("syncSchedule", "cron(0 24 * * ? *)"),
        ("syncSchedule", "cron(60 0 * * ? *)"),
        ("deleteAfterSync", True),
        ("secretAccessKey", "secret"),
    ],
)
def test_invalid_edge_store_is_refused_by_name(name: str, value: Any) -> None:
    assert Stage.load("cloud", overrides={"edgeStore": _VALID}).edge_store is not None
    with pytest.raises(InvalidStage, match=rf"edgeStore\.{name}"):
        Stage.load("cloud", overrides={"edgeStore": {**_VALID, name: value}})


@pytest.mark.parametrize("name", ["endpoint", "publicEndpoint"])
def test_edge_store_of_a_stage_in_aws_has_tls(name: str) -> None:
    overrides = {"edgeStore": {**_VALID, name: "http://minio.example.com"}}
    assert Stage.load("local", overrides=overrides).edge_store is not None
    with pytest.raises(InvalidStage, match="edgeStore needs https"):
        Stage.load("cloud", overrides=overrides)


def _schedules(template: Template) -> list[str]:
    """Return the expressions of the schedules of the sync."""
    schedules = template.properties("AWS::Scheduler::Schedule").values()
    return [
        each["ScheduleExpression"] for each in schedules if json.loads(each["Target"]["Input"])["task"] == "sync-edge"
    ]


def _edge_store(function: Any) -> str:
    return str(function["Environment"]["Variables"]["EDGE_STORE"])
