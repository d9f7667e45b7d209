"""The functions: what they are told, what they are made of, and what they cost while nobody calls them."""

import dataclasses
import json
import re
from typing import Any

import pytest

from holdall.platform.config import Settings
from infra.build import layers
from infra.catalog import FUNCTIONS
from infra.constructs import functions
from infra.stage import InvalidStage, Stage
from tests.infra.conftest import ROOT
from tests.infra.template import Properties, Template, format_arn

# Given by Lambda, and not to be set.
_LAMBDA_VARIABLES = {"AWS_REGION"}
# Read by Powertools.
_POWERTOOLS_VARIABLES = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
_EMAIL_IDENTITY = "AWS::SES::EmailIdentity"
# What a stack of ours may hold. Whatever costs money at rest is none of these.
_ALLOWED_TYPES = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CDK::Metadata",
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudFront::CachePolicy",
    "AWS::CloudFront::Distribution",
    "AWS::CloudFront::Function",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    _EMAIL_IDENTITY,
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}


def test_functions_are_told_what_settings_read(cloud_template: Template, local_template: Template) -> None:
    expected = {
        field.name.upper() for field in dataclasses.fields(Settings)
    } - _LAMBDA_VARIABLES | _POWERTOOLS_VARIABLES

    for template in (cloud_template, local_template):
        for name, function in template.functions().items():
            assert set(function["Environment"]["Variables"]) == expected, name


def test_functions_are_those_of_the_catalogue(cloud_template: Template) -> None:
    deployed = cloud_template.functions()

    assert set(deployed) == {function.name for function in FUNCTIONS}
    for function in FUNCTIONS:
        assert deployed[function.name]["Handler"] == f"functions.{function.name}.handler.handler"
        assert deployed[function.name]["Runtime"] == "python3.14"
        assert deployed[function.name]["Architectures"] == ["arm64"]
        assert deployed[function.name]["TracingConfig"] == {"Mode": "Active"}
        assert deployed[function.name]["LoggingConfig"]["LogFormat"] == "JSON"


def test_imaging_is_a_layer_of_imageproc_alone(cloud_template: Template) -> None:
    for name, function in cloud_template.functions().items():
        names = [layer["Ref"] for layer in function["Layers"]]
        assert any("ImagingLayer" in layer for layer in names) == (name == "imageproc")
        assert any("CoreLayer" in layer for layer in names)
        assert any("DepsLayer" in layer for layer in names)


def test_functions_behind_the_gateway_end_before_it_gives_up() -> None:
    assert all(function.timeout < 30 for function in FUNCTIONS if function.path_prefixes)


def test_logs_are_forgotten(cloud_template: Template) -> None:
    groups = cloud_template.properties("AWS::Logs::LogGroup").values()

    assert len(groups) == len(FUNCTIONS) + 2  # the publisher's and the gateway's
    assert {group["RetentionInDays"] for group in groups} == {90}


def test_nothing_is_paid_for_while_nobody_uses_it(cloud_template: Template) -> None:
    assert {resource["Type"] for resource in cloud_template.body["Resources"].values()} <= _ALLOWED_TYPES
    for function in cloud_template.functions().values():
        assert "SnapStart" not in function
        assert "ReservedConcurrentExecutions" not in function


def test_at_most_ten_alarm_metrics(cloud_template: Template, template_with_email: Template) -> None:
    for template in (cloud_template, template_with_email):
        alarms = template.properties("AWS::CloudWatch::Alarm")
        assert sum(len(alarm.get("Metrics", [alarm])) for alarm in alarms.values()) <= 10
        assert sum("Dead" in name for name in alarms) == 4


def test_the_dashboard_shows_quotas_that_had_drifted(cloud_template: Template) -> None:
    [dashboard] = cloud_template.properties("AWS::CloudWatch::Dashboard").values()
    environment = cloud_template.functions()["maintenance"]["Environment"]["Variables"]

    shown = [metric for widget in _widgets(dashboard) for metric in widget["properties"].get("metrics", [])]
    named = [metric[:4] for metric in shown if "QuotaDrift" in metric]
    namespace, service = environment["POWERTOOLS_METRICS_NAMESPACE"], environment["POWERTOOLS_SERVICE_NAME"]
    assert named == [[namespace, "QuotaDrift", "service", service]]


def test_an_alarm_tells_of_letters_that_nobody_could_send(cloud_template: Template) -> None:
    [alarm] = [one for name, one in cloud_template.properties("AWS::CloudWatch::Alarm").items() if "MailDead" in name]

    [queue] = [one["Value"] for one in alarm["Dimensions"] if one["Name"] == "QueueName"]
    assert format_arn(queue).startswith("<QueuesMailDead")
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)


def test_alarms_go_to_somebody_when_the_stage_names_one(
    cloud_template: Template, template_with_email: Template
) -> None:
    assert not any("AlarmActions" in alarm for alarm in cloud_template.properties("AWS::CloudWatch::Alarm").values())
    assert all(alarm["AlarmActions"] for alarm in template_with_email.properties("AWS::CloudWatch::Alarm").values())


def test_stages_differ_in_values_only(template_with_export: Template, local_template: Template) -> None:
    kinds = [
        sorted(one["Type"] for one in template.body["Resources"].values() if one["Type"] != _EMAIL_IDENTITY)
        for template in (template_with_export, local_template)
    ]

    assert kinds[0] == kinds[1]


def test_the_address_that_letters_come_from_is_an_identity_of_ses(
    cloud_template: Template, template_with_email: Template, local_template: Template
) -> None:
    assert cloud_template.properties(_EMAIL_IDENTITY) == {}  # which names none yet
    assert [one["EmailIdentity"] for one in template_with_email.properties(_EMAIL_IDENTITY).values()] == [
        "holdall@example.com"
    ]
    assert [one["EmailIdentity"] for one in local_template.properties(_EMAIL_IDENTITY).values()] == [
        "holdall@example.com"
    ]


def test_layers_are_fetched_for_the_deployed_python() -> None:
    assert functions.RUNTIME.name == f"python{layers.LAMBDA_PYTHON}"


def test_the_layer_describes_every_service_that_is_called() -> None:
    code = [file.read_text() for folder in ("layers/core", "functions") for file in (ROOT / folder).rglob("*.py")]
    called = {service for text in code for service in re.findall(r"""client\(\s*["']([a-z0-9-]+)["']""", text)}

    assert called | {"dynamodb"} <= layers.BOTOCORE_SERVICES


def test_a_stage_that_says_too_little_is_refused_by_name() -> None:
    with pytest.raises(InvalidStage, match="only: cloud"):
        Stage.from_context("tset", {"cloud": {}})
    with pytest.raises(InvalidStage, match="signUp"):
        Stage.from_context("cloud", {"cloud": {}})


def test_a_stage_of_tests_is_another_but_for_what_it_says(stages: dict[str, Stage]) -> None:
    given = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]

    stage = Stage.from_context("local", given, 4566, {"oauthProviders": [{"name": "work", "kind": "oidc"}]})

    assert stage == dataclasses.replace(stages["local"], oauth_providers=[{"name": "work", "kind": "oidc"}])
    with pytest.raises(InvalidStage, match="oauthProvider"):
        Stage.from_context("local", given, 4566, {"oauthProvider": []})


def test_pins_name_hashes_and_no_address() -> None:
    pins = sorted((ROOT / "requirements").glob("*.txt"))

    assert [pin.stem for pin in pins] == ["deps", "dev", "go", "imaging", "ministack"]
    for pin in pins:
        text = pin.read_text()
        assert "://" not in text
        assert all("--hash=sha256:" in block for block in text.replace("\\\n", "").splitlines() if block.strip())


def _widgets(dashboard: Properties) -> list[Any]:
    widgets: list[Any] = json.loads(format_arn(dashboard["DashboardBody"]))["widgets"]
    return widgets
