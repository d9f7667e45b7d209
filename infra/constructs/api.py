"""The HTTP API: two routes for each prefix of the catalogue, and `$default`."""

import json
from collections.abc import Mapping

from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.catalog import FUNCTIONS, Function
from infra.constructs.findings import accept
from infra.constructs.functions import log_group
from infra.stage import Stage

# Neither path, query nor cookie: share tokens lie there. The route key says which prefix it was.
_ACCESS = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "integration": "$context.integrationErrorMessage",
}


class Api(Construct):
    """Made before the functions, since they are told its address; `lead_to` adds the routes once they are there."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage) -> None:
        super().__init__(scope, name)
        # No CORS here: the distribution answers preflights, `holdall.http` adds the headers.
        self.api = gateway.HttpApi(self, "Api", create_default_stage=False, description="Holdall")
        self.stage = gateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=False,  # a metric per route costs money
            throttle=gateway.ThrottleSettings(rate_limit=stage.throttle.rate, burst_limit=stage.throttle.burst),
        )
        child = self.stage.node.default_child
        if isinstance(child, gateway.CfnStage):
            child.access_log_settings = gateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=log_group(self, "AccessLogs", stage).log_group_arn, format=json.dumps(_ACCESS)
            )

    def lead_to(self, functions: Mapping[str, lambda_.Function]) -> None:
        """Add the routes of every function of the catalogue."""
        for function in FUNCTIONS:
            if function.prefixes or function.takes_the_rest:
                self._lead(function, functions[function.name])

    def _lead(self, function: Function, target: lambda_.Function) -> None:
        integration = integrations.HttpLambdaIntegration(
            function.name.capitalize(), target, scope_permission_to_route=False
        )
        keys = [
            gateway.HttpRouteKey.with_(path, gateway.HttpMethod.ANY)
            for prefix in function.prefixes
            for path in (prefix, f"{prefix}/{{proxy+}}")
        ]
        if function.takes_the_rest:
            keys.append(gateway.HttpRouteKey.DEFAULT)
        for key in keys:
            route = gateway.HttpRoute(self, key.key, http_api=self.api, route_key=key, integration=integration)
            accept(
                route, "APIG4", because="Who is calling, and with what rights, is decided by `needs` in holdall.http."
            )
