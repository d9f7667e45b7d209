"""The functions: environment, layers, logs, alarms, and the costs of an unused stack."""

import dataclasses
import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from functions.imageproc.isolation import ResourceLimits
from functions.imageproc.probe import MAX_BYTES
from functions.imageproc.render import MAX_OUTPUT_BYTES
from holdall.files.jobs import HASH_TIME
from holdall.maintenance.service import JOB_LEASE
from holdall.platform.config import Settings
from infra.build import layers, packaging
from infra.catalog import FUNCTIONS
from infra.constructs import functions
from infra.stage import InvalidStage, OAuthProvider, Stage
from tests.infra.template import Properties, Template, format_arn
from tests.support.source_tree import ROOT

_LAMBDA_VARIABLES = {"AWS_REGION"}  # set by Lambda
_LIBRARY_VARIABLES = {
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_LOG_LEVEL",
    "PYDANTIC_DISABLE_PLUGINS",
}
_EMAIL_IDENTITY = "AWS::SES::EmailIdentity"
_BUDGET = "AWS::Budgets::Budget"
_ALARM_EMAIL_TYPES = {"AWS::SNS::Subscription", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", _BUDGET}  # off locally
# The types that cost nothing while no one uses Holdall.
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
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    _EMAIL_IDENTITY,
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}


def test_environment_has_exactly_the_variables_of_the_settings(
    cloud_template: Template, local_template: Template
) -> None:
    expected = {field.name.upper() for field in dataclasses.fields(Settings)} - _LAMBDA_VARIABLES | _LIBRARY_VARIABLES

    for template in (cloud_template, local_template):
        for name, function in template.functions().items():
            variables = function["Environment"]["Variables"]
            assert set(variables) == expected, name
            assert (
                "None" not in variables.values()
            )  # the text of a missing number, which would fail at the first request


def test_stack_has_exactly_the_functions_of_the_catalog(cloud_template: Template) -> None:
    deployed = cloud_template.functions()

    assert set(deployed) == {function.name for function in FUNCTIONS}
    for function in FUNCTIONS:
        assert deployed[function.name]["Handler"] == f"functions.{function.name}.handler.handler"
        assert deployed[function.name]["Runtime"] == "python3.14"
        assert deployed[function.name]["Architectures"] == ["arm64"]
        assert deployed[function.name]["LoggingConfig"]["LogFormat"] == "JSON"


def test_lambda_logs_timeouts_but_not_every_call(cloud_template: Template) -> None:
    functions = cloud_template.properties("AWS::Lambda::Function").values()

    assert {function["LoggingConfig"]["SystemLogLevel"] for function in functions} == {"WARN"}


def test_deploy_waits_five_minutes_for_the_publisher(cloud_template: Template) -> None:
    [site] = cloud_template.properties("AWS::CloudFormation::CustomResource").values()

    assert site["ServiceTimeout"] == 300


def test_calls_are_traced_only_if_enabled(cloud_template: Template, template_with_options: Template) -> None:
    for template, mode in ((cloud_template, None), (template_with_options, "Active")):
        for function in template.functions().values():
            actions = {action for _, allowed in template.function_statements(function) for action in allowed}
            assert function.get("TracingConfig", {}).get("Mode") == mode
            assert ("xray:PutTraceSegments" in actions) == (mode is not None)


def test_only_a_function_that_feeds_its_own_queue_may_be_called_in_a_loop(cloud_template: Template) -> None:
    # Lambda stops any other after 16 calls. The emulator counts direct calls only, so no deployed test would notice.
    mappings = cloud_template.properties("AWS::Lambda::EventSourceMapping").values()
    own_queues = {
        cloud_template.called_function(mapping["FunctionName"]): format_arn(mapping["EventSourceArn"])
        for mapping in mappings
    }

    looping = set()
    for name, function in cloud_template.properties("AWS::Lambda::Function").items():
        targets = {arn for arn, actions in cloud_template.function_statements(function) if "sqs:SendMessage" in actions}
        assert (function.get("RecursiveLoop") == "Allow") == (own_queues.get(name) in targets), name
        if function.get("RecursiveLoop") == "Allow":
            looping.add(function["Handler"])
    assert looping == {"functions.maintenance.handler.handler"}


def test_the_largest_rendering_fits_into_the_temporary_storage(cloud_template: Template) -> None:
    storage = cloud_template.functions()["imageproc"]["EphemeralStorage"]["Size"] * 1024 * 1024
    assert storage >= MAX_BYTES + MAX_OUTPUT_BYTES


def test_only_imageproc_has_the_imaging_layer(cloud_template: Template) -> None:
    for name, function in cloud_template.functions().items():
        names = [layer["Ref"] for layer in function["Layers"]]
        assert any("ImagingLayer" in layer for layer in names) == (name == "imageproc")
        assert any("CoreLayer" in layer for layer in names)
        assert any("DepsLayer" in layer for layer in names)


def test_api_functions_time_out_before_the_gateway() -> None:
    assert all(function.timeout < 30 for function in FUNCTIONS if function.path_prefixes)


def test_logs_have_a_retention_time(cloud_template: Template) -> None:
    groups = cloud_template.properties("AWS::Logs::LogGroup").values()

    assert len(groups) == len(FUNCTIONS) + 2  # of the publisher and of API Gateway
    assert {group["RetentionInDays"] for group in groups} == {90}


def test_stack_has_no_resource_that_costs_money_while_unused(cloud_template: Template) -> None:
    assert {resource["Type"] for resource in cloud_template.body["Resources"].values()} <= _ALLOWED_TYPES
    for function in cloud_template.functions().values():
        assert "SnapStart" not in function
        assert "ReservedConcurrentExecutions" not in function


def test_alarms_have_at_most_ten_metrics(cloud_template: Template, template_with_options: Template) -> None:
    for template in (cloud_template, template_with_options):
        alarms = template.properties("AWS::CloudWatch::Alarm")
        assert sum(len(alarm.get("Metrics", [alarm])) for alarm in alarms.values()) <= 10
        assert sum("Dead" in name for name in alarms) == 4


def test_dashboard_shows_quota_drift(cloud_template: Template) -> None:
    [dashboard] = cloud_template.properties("AWS::CloudWatch::Dashboard").values()
    environment = cloud_template.functions()["maintenance"]["Environment"]["Variables"]

    metrics = [metric for widget in _widgets(dashboard) for metric in widget["properties"].get("metrics", [])]
    namespace, service = environment["POWERTOOLS_METRICS_NAMESPACE"], environment["POWERTOOLS_SERVICE_NAME"]
    assert namespace == "Holdall/Holdall"  # with the name of the stack, because two may share a region
    assert [metric[:4] for metric in metrics if "QuotaDrift" in metric] == [
        [namespace, "QuotaDrift", "service", service]
    ]


def test_undeliverable_email_raises_an_alarm(cloud_template: Template) -> None:
    [alarm] = [each for name, each in cloud_template.properties("AWS::CloudWatch::Alarm").items() if "MailDead" in name]

    [queue] = [each["Value"] for each in alarm["Dimensions"] if each["Name"] == "QueueName"]
    assert format_arn(queue).startswith("<QueuesMailDead")
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)


def test_alarms_notify_the_email_address_of_the_stage(
    cloud_template: Template, template_with_options: Template
) -> None:
    assert not any("AlarmActions" in alarm for alarm in cloud_template.properties("AWS::CloudWatch::Alarm").values())
    assert all(alarm["AlarmActions"] for alarm in template_with_options.properties("AWS::CloudWatch::Alarm").values())


def test_alarms_of_this_account_may_publish_to_the_topic(template_with_options: Template) -> None:
    [policy] = template_with_options.properties("AWS::SNS::TopicPolicy").values()

    [allowed] = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert (allowed["Action"], allowed["Principal"]) == ("sns:Publish", {"Service": "cloudwatch.amazonaws.com"})
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert [allowed["Resource"]] == policy["Topics"]


def test_an_image_that_fails_four_times_raises_no_alarm_before_its_last_attempt(cloud_template: Template) -> None:
    [alarm] = [
        each for name, each in cloud_template.properties("AWS::CloudWatch::Alarm").items() if "ImagesQueue" in name
    ]

    assert alarm["Threshold"] > 5 + 40 + 300 + 900  # seconds between its attempts


def test_spending_raises_an_alarm_before_the_budget_is_used_up(
    cloud_template: Template, template_with_options: Template, stages: dict[str, Stage]
) -> None:
    assert cloud_template.properties(_BUDGET) == {}  # the stage has no address for alarms
    [properties] = template_with_options.properties(_BUDGET).values()

    # Without a name, which is unique in an account.
    assert properties["Budget"] == {
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": stages["cloud"].monthly_budget, "Unit": "USD"},
    }
    [alarm] = properties["NotificationsWithSubscribers"]
    assert alarm["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": "ops@example.com"}]
    assert (alarm["Notification"]["NotificationType"], alarm["Notification"]["Threshold"]) == ("ACTUAL", 80)


def test_local_and_cloud_stages_have_the_same_resources(
    template_with_options: Template, local_template: Template
) -> None:
    cloud, local = (
        sorted(each["Type"] for each in template.body["Resources"].values() if each["Type"] not in _ALARM_EMAIL_TYPES)
        for template in (template_with_options, local_template)
    )

    assert cloud == sorted([*local, "AWS::Scheduler::Schedule"])  # of the edge store, which this local stage has not


def test_stack_creates_an_ses_identity_only_if_asked_to(
    cloud_template: Template, local_template: Template, template_with_options: Template
) -> None:
    # One that exists already makes the deployment fail, and belongs to others.
    assert cloud_template.properties(_EMAIL_IDENTITY) == {}  # mailIdentity is "none"
    [address] = local_template.properties(_EMAIL_IDENTITY).values()  # "address"
    assert address["EmailIdentity"] == "holdall@example.com"
    [(name, domain)] = template_with_options.properties(_EMAIL_IDENTITY).items()  # "domain"
    assert domain["EmailIdentity"] == "example.com"
    records = [
        format_arn(output["Value"])
        for output_name, output in template_with_options.body["Outputs"].items()
        if output_name.startswith("DkimRecord")
    ]
    assert records == [f"<{name}.DkimDNSTokenName{n}> CNAME <{name}.DkimDNSTokenValue{n}>" for n in (1, 2, 3)]


def test_layers_are_built_for_the_deployed_python() -> None:
    assert functions.RUNTIME.name == f"python{packaging.LAMBDA_PYTHON}"


def test_notice_of_the_imaging_layer_names_its_packages_and_their_libraries() -> None:
    notice = (ROOT / "requirements" / "imaging.notice").read_text()
    packages = [line for line in (ROOT / "requirements" / "imaging.in").read_text().splitlines() if line[0] != "#"]
    bundled = [
        path.name.split("-")[0] for path in metadata.files("pillow-heif") or () if path.parts[0] == "pillow_heif.libs"
    ]

    assert packages
    assert bundled
    for name in (*packages, *bundled):
        assert name in notice


def test_deps_layer_describes_every_aws_service_that_is_called() -> None:
    code = [file.read_text() for folder in ("layers/core", "functions") for file in (ROOT / folder).rglob("*.py")]
    called = {service for text in code for service in re.findall(r"""client\(\s*["']([a-z0-9-]+)["']""", text)}

    assert called | {"dynamodb"} <= layers.BOTOCORE_SERVICES


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "signUp: Field required"),
        ({"oauthProvider": []}, "oauthProvider: Extra inputs are not permitted"),
        ({"signUp": "maybe"}, "signUp: Input should be 'open', 'invite' or 'closed'"),
        ({"imageWorkers": 1}, "imageWorkers: Input should be greater than or equal to 2"),
        ({"stackName": "a" * 33}, "stackName: String should match pattern"),
        ({"oauthProviders": [{"name": "work", "kind": "saml"}]}, r"oauthProviders\.0\.kind: Input should be"),
    ],
)
def test_invalid_stage_is_rejected_with_the_name_of_the_value(
    values: dict[str, Any], message: str, tmp_path: Path
) -> None:
    cdk_json = tmp_path / "cdk.json"
    cdk_json.write_text(json.dumps({"context": {"stages": {"cloud": values}}}))

    with pytest.raises(InvalidStage, match=message):
        Stage.load("cloud", cdk_json=cdk_json)


def test_unknown_stage_is_rejected_with_the_names_of_the_stages() -> None:
    with pytest.raises(InvalidStage, match="no stage 'clod', only: cloud, local"):
        Stage.load("clod")


def test_overrides_replace_values_of_a_stage(stages: dict[str, Stage]) -> None:
    provider = {"name": "work", "kind": "oidc", "issuer": "https://login.example.com"}

    stage = Stage.load("local", overrides={"oauthProviders": [provider]})

    assert stage == stages["local"].model_copy(update={"oauth_providers": (OAuthProvider.model_validate(provider),)})
    with pytest.raises(InvalidStage, match="oauthProvider"):
        Stage.load("local", overrides={"oauthProvider": []})


def test_an_ses_identity_needs_a_sender() -> None:
    with pytest.raises(InvalidStage, match="mailIdentity needs mailSender"):
        Stage.load("cloud", overrides={"mailIdentity": "address"})


@pytest.mark.parametrize("limit", ["maxBytes", "maxOpenBytesPerUser", "maxOpenBytesPerProject"])
def test_a_stage_lets_a_user_upload_the_largest_file(limit: str, stages: dict[str, Stage]) -> None:
    largest = stages["cloud"].max_file_bytes

    assert Stage.load("cloud", overrides={limit: largest}).max_file_bytes == largest
    with pytest.raises(InvalidStage, match=f"maxFileBytes is more than {limit},"):
        Stage.load("cloud", overrides={limit: largest - 1})


def test_workers_leave_the_api_some_of_ten_concurrent_executions(stages: dict[str, Stage]) -> None:
    # A new account may have no more (Lambda developer guide, "Lambda quotas").
    stage = stages["cloud"]

    assert stage.ingest_workers + stage.image_workers + stage.maintenance_workers + stage.mail_workers <= 8


def test_every_value_of_a_stage_is_documented() -> None:
    documented = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "operations.md").read_text()))

    assert {field.alias for name, field in Stage.model_fields.items() if name not in ("name", "port")} <= documented


def test_every_rate_limit_is_documented(stages: dict[str, Stage]) -> None:
    documented = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)

    assert stages["cloud"].rate_limits.keys() <= set(documented)


def test_imageproc_has_more_memory_and_time_than_the_limits_of_one_image() -> None:
    [imageproc] = [function for function in FUNCTIONS if function.name == "imageproc"]
    limits = ResourceLimits()

    assert imageproc.memory * 1024 * 1024 >= limits.memory_bytes + 512 * 1024 * 1024
    assert imageproc.timeout >= limits.wall_seconds + 15  # to download the original and to store the variants


def test_maintenance_has_the_time_to_hash_the_largest_file(stages: dict[str, Stage]) -> None:
    [maintenance] = [function for function in FUNCTIONS if function.name == "maintenance"]
    # What a function of any memory reads for long was measured as 568 to 618 Mbps (github.com/sjakthol/aws-network-benchmark,
    # 2024). TLS, TCP and HTTP take a few per cent of it.
    bytes_per_second = 568_000_000 / 8 * 0.95

    assert all(stage.max_file_bytes / bytes_per_second < HASH_TIME.total_seconds() for stage in stages.values())
    assert HASH_TIME.total_seconds() + 30 <= maintenance.timeout < JOB_LEASE.total_seconds()


def test_requirements_have_hashes_and_no_urls() -> None:
    files = sorted((ROOT / "requirements").glob("*.txt"))

    assert [file.stem for file in files] == ["deps", "dev", "go", "imaging", "ministack", "node", "seaweedfs"]
    for file in files:
        text = file.read_text()
        assert "://" not in text
        assert all("--hash=sha256:" in block for block in text.replace("\\\n", "").splitlines() if block.strip())


def _widgets(dashboard: Properties) -> list[Any]:
    widgets: list[Any] = json.loads(format_arn(dashboard["DashboardBody"]))["widgets"]
    return widgets
