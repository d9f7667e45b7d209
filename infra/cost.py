"""What the stack costs in a month in which no one uses it: `python -m infra.cost STAGE`, after `make synth`.

What exists and runs by itself is counted in the template: schedules, pollers of queues, alarms, metrics. The other quantities
are assumptions, which stand below. Free tiers are those of an account without other stacks.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.progress import UserError, echo, exit_on_user_error
from infra.operator_cli import load_stage

_ROOT = Path(__file__).parents[1]
_MINUTES = 30 * 24 * 60  # of a month
# Lambda polls an idle queue with five long polls of 20 seconds ("Using Lambda with Amazon SQS" in its developer guide).
_POLLS = 5 * _MINUTES * 3
_SECONDS_PER_CALL = 0.5  # of a function with one GB, billed; a warm call takes a fifth of that
_LOG_BYTES_PER_CALL = 2000
_READS_PER_CALL = 8  # read request units: at most 16 empty lists of an index, half a unit each
_STORED_GB = 0.5  # the console, and the packages of three releases
# What costs nothing while it is not used. A resource of another type needs an item or a place here.
_FREE_AT_REST = frozenset(
    f"AWS::{name}"
    for name in (
        *("ApiGatewayV2::Api", "ApiGatewayV2::Integration", "ApiGatewayV2::Route", "ApiGatewayV2::Stage"),
        *("CDK::Metadata", "CloudFormation::CustomResource"),
        *("CloudFront::CachePolicy", "CloudFront::Distribution", "CloudFront::Function"),
        *("CloudFront::OriginAccessControl", "CloudFront::ResponseHeadersPolicy"),
        *("DynamoDB::Table", "IAM::Policy", "IAM::Role"),
        *("Lambda::Alias", "Lambda::EventInvokeConfig", "Lambda::Function", "Lambda::LayerVersion"),
        *("Lambda::Permission", "Lambda::Version", "Logs::LogGroup"),
        *("S3::Bucket", "S3::BucketPolicy", "SQS::Queue", "SQS::QueuePolicy"),
    )
)
_COUNTED = frozenset(
    f"AWS::{name}"
    for name in (
        *("CloudWatch::Alarm", "CloudWatch::Dashboard", "Lambda::EventSourceMapping", "Logs::MetricFilter"),
        "Scheduler::Schedule",
    )
)


@dataclass(frozen=True)
class Item:
    """One line of the bill. `free` is of a month, and `price` is dollars for one unit."""

    name: str
    quantity: float
    free: float
    price: float

    @property
    def dollars(self) -> float:
        return max(0.0, self.quantity - self.free) * self.price


def idle_month(template: Mapping[str, Any]) -> list[Item]:
    """Return the bill of a template. Raises UserError for a type of resource that has no price here."""
    resources = template["Resources"].values()
    unknown = {each["Type"] for each in resources} - _FREE_AT_REST - _COUNTED
    if unknown:
        raise UserError(f"infra/cost.py does not know what these cost at rest: {', '.join(sorted(unknown))}.")
    mappings, alarms, dashboards = (
        sum(each["Type"] == f"AWS::{name}" for each in resources)
        for name in ("Lambda::EventSourceMapping", "CloudWatch::Alarm", "CloudWatch::Dashboard")
    )
    metrics = {
        transformation["MetricName"]
        for each in resources
        if each["Type"] == "AWS::Logs::MetricFilter"
        for transformation in each["Properties"]["MetricTransformations"]
    }
    calls = sum(_calls(template))
    # Prices and free tiers of us-east-1, written down on 2026-11-26. The pages of AWS may have changed since:
    # aws.amazon.com/{sqs,lambda,eventbridge,cloudwatch,dynamodb,s3}/pricing.
    return [
        Item("SQS: polls of Lambda, requests", mappings * _POLLS, 1e6, 0.40e-6),
        Item("Lambda: scheduled calls", calls, 1e6, 0.20e-6),
        Item("Lambda: their time, GB-seconds", calls * _SECONDS_PER_CALL, 400_000, 0.0000133334),
        Item("EventBridge Scheduler: calls", calls, 14e6, 1e-6),
        Item("DynamoDB: their reads", calls * _READS_PER_CALL, 0, 0.125e-6),
        Item("DynamoDB: their reports", calls, 0, 0.625e-6),
        Item("CloudWatch: logs, GB", calls * _LOG_BYTES_PER_CALL / 1e9, 5, 0.50),
        Item("CloudWatch: alarms", alarms, 10, 0.10),
        Item("CloudWatch: metrics", len(metrics), 10, 0.30),
        Item("CloudWatch: dashboards", dashboards, 3, 3.00),
        Item("S3: the console and packages, GB", _STORED_GB, 0, 0.023),
    ]


def render(items: list[Item]) -> str:
    """Return the bill as a Markdown table."""
    rows = [f"| {each.name} | {_format(each.quantity)} | {_format(each.free)} | {each.dollars:.2f} |" for each in items]
    total = f"| **total** | | | **{sum(each.dollars for each in items):.2f}** |"
    return "\n".join(["| item | in a month | free | dollars |", "|---|---|---|---|", *rows, total])


def _format(quantity: float) -> str:
    return f"{quantity:,.0f}" if quantity >= 1 else f"{quantity:.2g}"


def _calls(template: Mapping[str, Any]) -> Iterator[float]:
    """Yield the calls of each schedule in a month."""
    for each in template["Resources"].values():
        if each["Type"] == "AWS::Scheduler::Schedule":
            expression = each["Properties"]["ScheduleExpression"]
            # The others are daily or weekly.
            days = 1 if "* * ?" in expression else 7
            minutes = int(expression[5:].split()[0]) if expression.startswith("rate(") else days * 24 * 60
            yield _MINUTES / minutes


def main() -> None:
    parser = argparse.ArgumentParser(prog="infra.cost", description=__doc__)
    parser.add_argument("stage")
    with exit_on_user_error():
        stage = load_stage(parser.parse_args().stage)
        template = json.loads((_ROOT / "cdk.out" / f"{stage.stack_name}.template.json").read_text())
        echo(render(idle_month(template)))


if __name__ == "__main__":
    main()
