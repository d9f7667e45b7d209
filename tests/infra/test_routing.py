"""The distribution, the API and the schedules: routes, headers, throttling, logs."""

import json
from fnmatch import fnmatchcase
from typing import Any

from infra.catalog import FUNCTIONS
from tests.infra.template import Template, format_arn

# CloudFront developer guide, "Use managed origin request policies" and "Use managed cache policies".
_ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
_CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"


def test_every_path_prefix_has_two_routes_to_its_function(cloud_template: Template) -> None:
    routes = {route["RouteKey"] for route in cloud_template.properties("AWS::ApiGatewayV2::Route").values()}

    expected = {f"ANY {p}{rest}" for f in FUNCTIONS for p in f.path_prefixes for rest in ("", "/{proxy+}")}
    assert routes == expected | {"$default"}


def test_the_gateway_may_invoke_the_function_of_every_route(cloud_template: Template) -> None:
    # The local gateway asks for no permission.
    integrations = cloud_template.properties("AWS::ApiGatewayV2::Integration")
    permissions = [
        (cloud_template.called_function(permission["FunctionName"]), format_arn(permission["SourceArn"]).split(":")[-1])
        for permission in cloud_template.properties("AWS::Lambda::Permission").values()
    ]

    for route in cloud_template.properties("AWS::ApiGatewayV2::Route").values():
        integration = integrations[route["Target"]["Fn::Join"][1][1]["Ref"]]
        function = cloud_template.called_function(integration["IntegrationUri"])
        # The stage, the method and the path of the route. `$default` has neither method nor path.
        source = "/".join((format_arn(route["ApiId"]), "$default", route["RouteKey"].replace(" /", "/")))
        assert any(target == function and fnmatchcase(source, pattern) for target, pattern in permissions), source


def test_access_logs_take_no_space_in_the_log_policy_of_the_account(cloud_template: Template) -> None:
    [stage] = cloud_template.properties("AWS::ApiGatewayV2::Stage").values()
    group = format_arn(stage["AccessLogSettings"]["DestinationArn"]).strip("<>")

    assert cloud_template.properties("AWS::Logs::LogGroup")[group]["LogGroupName"] == "/aws/vendedlogs/Holdall/api"


def test_unknown_paths_are_routed_to_files() -> None:
    assert [function.name for function in FUNCTIONS if function.is_default_route] == ["files"]


def test_gateway_throttles_and_its_log_has_no_path_query_or_cookie(cloud_template: Template) -> None:
    [stage] = cloud_template.properties("AWS::ApiGatewayV2::Stage").values()

    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 200
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 400
    logged = set(json.loads(stage["AccessLogSettings"]["Format"]).values())
    assert "$context.requestId" in logged
    assert not {field for field in logged if "path" in field.lower() or "query" in field or "header" in field.lower()}


def test_credentials_reach_the_api_and_are_never_logged(cloud_template: Template, local_template: Template) -> None:
    for template in (cloud_template, local_template):
        config = _distribution(template)
        [api] = [behavior for behavior in config["CacheBehaviors"] if behavior["PathPattern"] == "/api/*"]
        [origin] = [each for each in config["Origins"] if each["Id"] == api["TargetOriginId"]]
        # CloudFront forwards Authorization only with all headers. An origin access control would overwrite it.
        assert api["OriginRequestPolicyId"] == _ALL_VIEWER_EXCEPT_HOST_HEADER
        assert api["CachePolicyId"] == _CACHING_DISABLED
        assert "OriginAccessControlId" not in origin
        assert not {"Logging", "RealtimeLogConfigArn"} & (config.keys() | api.keys())

        [stage] = template.properties("AWS::ApiGatewayV2::Stage").values()
        assert set(json.loads(stage["AccessLogSettings"]["Format"]).values()) == {
            "$context.identity.sourceIp",
            "$context.integrationErrorMessage",
            "$context.requestId",
            "$context.requestTime",
            "$context.responseLatency",
            "$context.responseLength",
            "$context.routeKey",
            "$context.status",
        }


def test_distribution_routes_the_api_media_and_console(cloud_template: Template) -> None:
    config = _distribution(cloud_template)

    assert [behavior["PathPattern"] for behavior in config["CacheBehaviors"]] == ["/api/*", "/s/*", "/media/*"]
    api, links, media = config["CacheBehaviors"]
    # The page of a link is of the API: not cached, and its token is in no log.
    assert links == {**api, "PathPattern": "/s/*"}
    assert sorted(api["AllowedMethods"]) == ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    assert sorted(media["AllowedMethods"]) == ["GET", "HEAD"]
    assert sorted(config["DefaultCacheBehavior"]["AllowedMethods"]) == ["GET", "HEAD"]
    assert all("ResponseHeadersPolicyId" in behavior for behavior in (api, media, config["DefaultCacheBehavior"]))


def test_cloudfront_keeps_no_error_for_the_next_caller(cloud_template: Template) -> None:
    # Every code that it keeps for ten seconds by default (CloudFront developer guide, "How CloudFront caches HTTP 4xx and 5xx
    # status codes").
    codes = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)

    assert _distribution(cloud_template)["CustomErrorResponses"] == [
        {"ErrorCode": code, "ErrorCachingMinTTL": 0} for code in codes
    ]


def test_names_in_cloudfront_contain_stack_and_region(cloud_template: Template) -> None:
    # They are unique in an account, and a plain name would be the same in a second region.
    names = [
        format_arn(value)
        for resource in cloud_template.body["Resources"].values()
        if resource["Type"].startswith("AWS::CloudFront::")
        for config in (resource["Properties"], *resource["Properties"].values())
        if isinstance(config, dict)
        for key, value in config.items()
        if key == "Name"
    ]

    assert len(names) == 8  # two functions, two access controls, three policies of headers, one of caching
    assert len(set(names)) == 8
    for name in names:
        assert "<AWS::Region>" in name
        assert "Holdall" in name or "<AWS::StackName>" in name
        # The longest names of a stack (`Stage.stack_name`) and of a region.
        assert len(name.replace("<AWS::StackName>", "x" * 32).replace("<AWS::Region>", "ap-northeast-1")) <= 64


def test_api_recognizes_the_distribution_by_the_uuid_of_the_stack(cloud_template: Template) -> None:
    [origin] = [o for o in _distribution(cloud_template)["Origins"] if "CustomOriginConfig" in o]

    [header] = origin["OriginCustomHeaders"]
    assert header["HeaderName"] == "x-holdall-origin-verify"
    assert header["HeaderValue"] == {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    for function in cloud_template.functions().values():
        assert function["Environment"]["Variables"]["ORIGIN_VERIFY_SECRET"] == header["HeaderValue"]


def test_cloudfront_can_read_only_the_media_prefix_of_variants(cloud_template: Template) -> None:
    [policy] = [
        p
        for p in cloud_template.properties("AWS::S3::BucketPolicy").values()
        if format_arn(p["Bucket"]).startswith("<Variants")
    ]

    allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert [s["Principal"] for s in allowed] == [{"Service": "cloudfront.amazonaws.com"}]
    assert allowed[0]["Action"] == "s3:GetObject"
    assert format_arn(allowed[0]["Resource"]).endswith(">/media/*")


def test_cloudfront_caches_a_variant_for_at_most_a_day(cloud_template: Template) -> None:
    [cache] = cloud_template.properties("AWS::CloudFront::CachePolicy").values()

    assert cache["CachePolicyConfig"]["MaxTTL"] == 24 * 3600


def test_every_behavior_adds_security_headers(cloud_template: Template) -> None:
    policies = cloud_template.properties("AWS::CloudFront::ResponseHeadersPolicy").values()

    assert len(policies) == 3
    for policy in policies:
        security = policy["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
        csp = format_arn(security["ContentSecurityPolicy"]["ContentSecurityPolicy"])
        assert csp.startswith("default-src 'none'")
        assert "unsafe" not in csp
        assert security["ContentTypeOptions"] == {"Override": True}
        assert security["FrameOptions"]["FrameOption"] == "DENY"
        assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 365 * 24 * 3600
        assert security["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"


def test_schedules_invoke_functions_with_their_tasks(cloud_template: Template, local_template: Template) -> None:
    common = {
        ("auth", "dispatch-emails"): "rate(1 minute)",
        ("auth", "rotate-keys"): "cron(0 2 * * ? *)",
        ("maintenance", "send-pending-invitations"): "rate(1 minute)",
        ("maintenance", "purge-projects"): "rate(60 minutes)",
        ("maintenance", "recount"): "cron(0 3 * * ? *)",
        ("maintenance", "empty-trash"): "cron(0 4 * * ? *)",
        ("maintenance", "sweep"): "cron(0 5 ? * SUN *)",
        ("maintenance", "send-pending-jobs"): "rate(1 minute)",
        ("maintenance", "end-dead-jobs"): "rate(5 minutes)",
    }

    assert _schedules(cloud_template) == common | {("maintenance", "expire-uploads"): "rate(5 minutes)"}
    assert _schedules(local_template) == common | {
        ("maintenance", "expire-uploads"): "rate(1 minute)",
        ("maintenance", "export-audit"): "cron(0 1 * * ? *)",
    }


def test_the_role_of_a_schedule_may_invoke_its_target(cloud_template: Template) -> None:
    roles = cloud_template.properties("AWS::IAM::Role")
    for schedule in cloud_template.properties("AWS::Scheduler::Schedule").values():
        target = schedule["Target"]
        statements = cloud_template.role_statements(roles[target["RoleArn"]["Fn::GetAtt"][0]])
        assert list(statements) == [(format_arn(target["Arn"]), ["lambda:InvokeFunction"])]


def test_a_scheduled_call_that_fails_is_not_repeated(cloud_template: Template) -> None:
    targets = [schedule["Target"] for schedule in cloud_template.properties("AWS::Scheduler::Schedule").values()]
    # The scheduler puts an event into Lambda's queue, and by default Lambda keeps it for six hours and tries three times.
    configs = cloud_template.properties("AWS::Lambda::EventInvokeConfig").values()

    for target in targets:
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    for config in configs:
        assert (config["MaximumEventAgeInSeconds"], config["MaximumRetryAttempts"]) == (60, 0)
    assert {cloud_template.called_function(config["Qualifier"]) for config in configs} == {
        cloud_template.called_function(target["Arn"]) for target in targets
    }


def _distribution(template: Template) -> Any:
    [distribution] = template.properties("AWS::CloudFront::Distribution").values()
    return distribution["DistributionConfig"]


def _schedules(template: Template) -> dict[tuple[str, str], str]:
    """Return the schedule expressions, by function and task."""
    names = {name: each["Handler"].split(".")[1] for name, each in template.properties("AWS::Lambda::Function").items()}
    targets = {
        (
            names[template.called_function(schedule["Target"]["Arn"])],
            json.loads(schedule["Target"]["Input"])["task"],
        ): schedule
        for schedule in template.properties("AWS::Scheduler::Schedule").values()
    }
    return {target: schedule["ScheduleExpression"] for target, schedule in targets.items()}
