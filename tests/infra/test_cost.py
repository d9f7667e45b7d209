"""The bill of a month in which no one uses the stack."""

import pytest

from infra import cost
from infra.local.progress import UserError
from tests.infra.template import Template
from tests.support.source_tree import ROOT


def test_a_month_without_users_costs_at_most_a_dollar(cloud_template: Template) -> None:
    bill = cost.idle_month(cloud_template.body)

    assert 0 < sum(item.dollars for item in bill) <= 1


def test_operations_page_has_the_bill(cloud_template: Template) -> None:
    assert cost.render(cost.idle_month(cloud_template.body)) in (ROOT / "docs" / "operations.md").read_text()


def test_what_is_beyond_the_free_tier_costs_its_price(cloud_template: Template) -> None:
    alarms = {f"Alarm{number}": {"Type": "AWS::CloudWatch::Alarm"} for number in range(10)}
    schedules = {"Often": {"Type": "AWS::Scheduler::Schedule", "Properties": {"ScheduleExpression": "rate(1 minute)"}}}

    before = _dollars(cloud_template.body["Resources"])
    after = _dollars({**cloud_template.body["Resources"], **alarms, **schedules})

    assert after["CloudWatch: alarms"] == pytest.approx(0.90)  # nine and ten more, of which ten are free
    assert after["DynamoDB: their reads"] - before["DynamoDB: their reads"] == pytest.approx(43_200 * 8 * 0.125e-6)


def test_a_resource_without_a_known_price_is_refused(cloud_template: Template) -> None:
    resources = {**cloud_template.body["Resources"], "Gateway": {"Type": "AWS::EC2::NatGateway"}}

    with pytest.raises(UserError, match="AWS::EC2::NatGateway"):
        cost.idle_month({"Resources": resources})


def _dollars(resources: dict[str, object]) -> dict[str, float]:
    return {item.name: item.dollars for item in cost.idle_month({"Resources": resources})}
