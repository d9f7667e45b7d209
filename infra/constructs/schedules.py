"""The schedules (EventBridge Scheduler) that invoke functions. Times are in UTC."""

import json
from collections.abc import Mapping

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.catalog import FUNCTIONS, Schedule
from infra.stage import Stage

_MAX_EVENT_AGE = Duration.minutes(1)  # the least that Lambda accepts


class Schedules(Construct):
    """One schedule for each in the catalog. Nothing is tried again, because the next call does the work of a lost one.

    Both hops are bounded: from the scheduler to Lambda by the schedule, and from Lambda's own queue of events to the function
    by the function ("Using Lambda with Amazon EventBridge Scheduler" in the developer guide). Nothing else calls a function by
    an event.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, functions: Mapping[str, lambda_.IFunction]
    ) -> None:
        super().__init__(scope, construct_id)
        for function in FUNCTIONS:
            if not function.schedules:
                continue
            target = functions[function.name]
            target.configure_async_invoke(retry_attempts=0, max_event_age=_MAX_EVENT_AGE)
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
                            maximum_event_age_in_seconds=_MAX_EVENT_AGE.to_seconds(), maximum_retry_attempts=0
                        ),
                    ),
                )

    def _create_role(self, name: str, target: lambda_.IFunction) -> iam.Role:
        invoke = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[target.function_arn])
        return iam.Role(
            self,
            f"{name.capitalize()}Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
            inline_policies={"default": iam.PolicyDocument(statements=[invoke])},
        )


def schedule_expressions(stage: Stage) -> dict[str, str]:
    """Return the expression of each task that runs in a stage by itself."""
    return {
        schedule.task: _schedule_expression(schedule, stage)
        for function in FUNCTIONS
        for schedule in function.schedules
        if stage.is_enabled(schedule.enabled_by)
    }


def _schedule_expression(schedule: Schedule, stage: Stage) -> str:
    if schedule.weekday is not None:
        return f"cron(0 {schedule.daily_hour} ? * {schedule.weekday} *)"
    if schedule.daily_hour is not None:
        return f"cron(0 {schedule.daily_hour} * * ? *)"
    if schedule.task == "sync-edge" and stage.edge_store is not None:
        return stage.edge_store.sync_schedule
    minutes = schedule.rate_minutes or stage.expire_uploads_minutes
    return f"rate({minutes} minute{'' if minutes == 1 else 's'})"
