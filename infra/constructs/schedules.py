"""The schedules (EventBridge Scheduler) that invoke functions. Times are in UTC."""

import json
from collections.abc import Mapping

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.catalog import FUNCTIONS, Schedule
from infra.stage import Stage


class Schedules(Construct):
    """One schedule for each in the catalog. There are no retries, because the next call does the work of a lost one."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, functions: Mapping[str, lambda_.Function]
    ) -> None:
        super().__init__(scope, construct_id)
        for function in FUNCTIONS:
            if not function.schedules:
                continue
            target = functions[function.name]
            role = self._create_role(function.name, target)
            for schedule in (each for each in function.schedules if stage.is_enabled(each.enabled_by)):
                scheduler.CfnSchedule(
                    self,
                    "".join(word.capitalize() for word in schedule.task.split("-")),
                    description=f"{function.name}: {schedule.task}",
                    schedule_expression=_schedule_expression(schedule, stage),
                    flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
                    target=scheduler.CfnSchedule.TargetProperty(
                        arn=target.function_arn,
                        role_arn=role.role_arn,
                        input=json.dumps({"task": schedule.task}),
                        retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                            maximum_event_age_in_seconds=60, maximum_retry_attempts=0
                        ),
                    ),
                )

    def _create_role(self, name: str, target: lambda_.Function) -> iam.Role:
        invoke = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[target.function_arn])
        return iam.Role(
            self,
            f"{name.capitalize()}Role",
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"),
            inline_policies={"default": iam.PolicyDocument(statements=[invoke])},
        )


def _schedule_expression(schedule: Schedule, stage: Stage) -> str:
    if schedule.daily_hour is not None:
        return f"cron(0 {schedule.daily_hour} * * ? *)"
    minutes = schedule.rate_minutes or stage.expire_uploads_minutes
    return f"rate({minutes} minute{'' if minutes == 1 else 's'})"
