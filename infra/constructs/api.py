"""The HTTP API: two routes for each path prefix in the catalog, and `$default`."""

import json
from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.catalog import FUNCTIONS, Function
from infra.constructs.functions import create_log_group
from infra.constructs.nag import suppress
from infra.stage import Stage

# No path, query or cookie, because they can contain share tokens. The route key names the prefix.
_ACCESS_LOG_FORMAT = {
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
    """The API. Created before the functions, because their environment has its address; `add_routes` is called later."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        # No CORS here: the distribution answers preflight requests, and `holdall.http` adds the headers.
        self.api = gateway.HttpApi(self, "Api", create_default_stage=False, description="Holdall")
        self.stage = gateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=False,  # metrics for each route cost money
            throttle=gateway.ThrottleSettings(rate_limit=stage.throttle.rate, burst_limit=stage.throttle.burst),
        )
        child = self.stage.node.default_child
        if isinstance(child, gateway.CfnStage):
            child.access_log_settings = gateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=create_log_group(
                    # With this prefix, because a log group of another name takes up space in one resource policy of the
                    # account, which is limited ("Enable logging from AWS services" in the guide of CloudWatch Logs).
                    self,
                    "AccessLogs",
                    stage,
                    name=f"/aws/vendedlogs/{stage.stack_name}/api",
                ).log_group_arn,
                format=json.dumps(_ACCESS_LOG_FORMAT),
            )

    def add_routes(self, functions: Mapping[str, lambda_.IFunction]) -> None:
        """Add the routes of every function in the catalog."""
        for function in FUNCTIONS:
            if function.path_prefixes or function.is_default_route:
                self._add_function_routes(function, functions[function.name])

    def _add_function_routes(self, function: Function, target: lambda_.IFunction) -> None:
        integration = integrations.HttpLambdaIntegration(
            function.name.capitalize(), target, scope_permission_to_route=False
        )
        keys = [
            gateway.HttpRouteKey.with_(path, gateway.HttpMethod.ANY)
            for prefix in function.path_prefixes
            for path in (prefix, f"{prefix}/{{proxy+}}")
        ]
        if function.is_default_route:
            keys.append(gateway.HttpRouteKey.DEFAULT)
            # The permission of the integration is for {stage}/{method}/{path}. `$default` has no method.
            target.add_permission(
                "DefaultRoute",
                principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
                source_arn=Stack.of(self).format_arn(
                    service="execute-api", resource=self.api.api_id, resource_name="*/$default"
                ),
            )
        for key in keys:
            route = gateway.HttpRoute(self, key.key, http_api=self.api, route_key=key, integration=integration)
            suppress(route, "APIG4", reason="holdall.http authenticates and authorizes every request (`requires`).")
