"""The alarms and the dashboard. Ten alarm metrics are free of charge, and there are fewer."""

from collections.abc import Mapping

from aws_cdk import Aws, Duration
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.catalog import Resource
from infra.constructs.environment import metrics_namespace
from infra.constructs.queues import Queues
from infra.stage import Stage

_FIVE_MINUTES = Duration.minutes(5)


class Alarms(Construct):
    """The alarms notify `alarmEmail` of the stage. Without it they are only shown on the dashboard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        queues: Queues,
        api: gateway.HttpApi,
        log_groups: Mapping[str, logs.LogGroup],
    ) -> None:
        super().__init__(scope, construct_id)
        self._topic = self._create_topic(stage.alarm_email)
        self._alarms: list[cloudwatch.Alarm] = []
        for resource, queue in queues.dead_letter_queues.items():
            self._add_alarm(
                f"{resource.split('-')[0].capitalize()}DeadLetters",
                queue.metric_approximate_number_of_messages_visible(statistic="max", period=_FIVE_MINUTES),
                1,
                f"Messages of {resource} failed five times. See docs/operations.md.",
            )
        self._add_alarm(
            "ImagesQueueAge",
            queues.queues[Resource.IMAGES_QUEUE].metric_approximate_age_of_oldest_message(period=_FIVE_MINUTES),
            1500,  # an image that fails comes back after 5 s, 40 s, 5 min and 15 min, which is no reason for an alarm
            "An image has waited 25 minutes for its variants.",
        )
        self._add_alarm(
            "Api5xxErrors",
            api.metric_server_error(statistic="sum", period=_FIVE_MINUTES),
            5,
            "Requests fail with a 5xx status.",
        )
        self._add_alarm("ErrorLogs", self._error_log_metric(stage, log_groups), 1, "A function logged an error.")
        for metric, meaning in {
            "Errors": "failed or timed out",
            "Throttles": "were throttled",
        }.items():
            self._add_alarm(f"Function{metric}", _lambda_metric(metric), 5, f"Invocations {meaning}.")
        self._add_dashboard(stage, queues, api)

    def _create_topic(self, email: str) -> sns.Topic | None:
        if not email:
            return None
        topic = sns.Topic(self, "Topic", enforce_ssl=True)
        # `enforce_ssl` sets a policy, which replaces the default policy, by which alarms of the account may publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic

    def _add_alarm(self, name: str, metric: cloudwatch.IMetric, threshold: int, description: str) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            # Without requests there are no data points, and that is no reason for an alarm.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        if self._topic is not None:
            alarm.add_alarm_action(actions.SnsAction(self._topic))
        self._alarms.append(alarm)

    def _error_log_metric(self, stage: Stage, log_groups: Mapping[str, logs.LogGroup]) -> cloudwatch.IMetric:
        """Return the number of log events of level ERROR. Errors of callers are not logged at this level."""
        namespace = metrics_namespace(stage)
        for name, group in log_groups.items():
            logs.MetricFilter(
                self,
                f"{name.capitalize()}Errors",
                log_group=group,
                metric_namespace=namespace,
                metric_name="ErrorLogs",
                filter_pattern=logs.FilterPattern.string_value("$.level", "=", "ERROR"),
                metric_value="1",
            )
        return cloudwatch.Metric(namespace=namespace, metric_name="ErrorLogs", statistic="sum", period=_FIVE_MINUTES)

    def _add_dashboard(self, stage: Stage, queues: Queues, api: gateway.HttpApi) -> None:
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(12))
        dashboard.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=self._alarms, width=24))
        dashboard.add_widgets(
            _graph_widget("Requests", [api.metric_count(), api.metric_client_error(), api.metric_server_error()]),
            _graph_widget("Latency", [api.metric_latency(statistic="p50"), api.metric_latency(statistic="p99")]),
        )
        dashboard.add_widgets(
            _graph_widget(
                "Waiting messages", [q.metric_approximate_number_of_messages_visible() for q in queues.queues.values()]
            ),
            _graph_widget("Functions", [_lambda_metric(metric) for metric in ("Invocations", "Errors", "Throttles")]),
        )
        dashboard.add_widgets(_graph_widget("Quota drift found by the recount", [_quota_drift_metric(stage)]))


def _graph_widget(title: str, metrics: list[cloudwatch.Metric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=12)


def _quota_drift_metric(stage: Stage) -> cloudwatch.Metric:
    # Needs no alarm of its own, because maintenance also logs each drift at level ERROR, which ErrorLogs counts.
    return cloudwatch.Metric(
        namespace=metrics_namespace(stage),
        metric_name="QuotaDrift",
        dimensions_map={"service": "maintenance"},
        statistic="sum",
        period=Duration.days(1),
    )


def _lambda_metric(metric_name: str) -> cloudwatch.Metric:
    # Without a dimension, the metric covers all functions in the region.
    return cloudwatch.Metric(namespace="AWS/Lambda", metric_name=metric_name, statistic="sum", period=_FIVE_MINUTES)
