"""The edge, the API and what calls functions: routes, headers, throttle, schedules."""

import json
from typing import Any

from infra.catalog import FUNCTIONS
from tests.infra.template import Template, format_arn

# Policies of CloudFront's own (AWS: "Use managed origin request policies", "Use managed cache policies").
_ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
_CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"


def test_every_prefix_leads_to_its_function_bare_and_below(cloud_template: Template) -> None:
    routes = {route["RouteKey"] for route in cloud_template.properties("AWS::ApiGatewayV2::Route").values()}

    expected = {f"ANY {p}{rest}" for f in FUNCTIONS for p in f.path_prefixes for rest in ("", "/{proxy+}")}
    assert routes == expected | {"$default"}


def test_one_function_takes_what_no_route_knows() -> None:
    assert [function.name for function in FUNCTIONS if function.is_default_route] == ["files"]


def test_the_gateway_throttles_and_logs_neither_path_nor_query_nor_cookie(cloud_template: Template) -> None:
    [stage] = cloud_template.properties("AWS::ApiGatewayV2::Stage").values()

    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 200
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 400
    logged = set(json.loads(stage["AccessLogSettings"]["Format"]).values())
    assert "$context.requestId" in logged
    assert not {field for field in logged if "path" in field.lower() or "query" in field or "header" in field.lower()}


def test_tokens_and_keys_reach_the_api_and_no_log_on_the_way(
    cloud_template: Template, local_template: Template
) -> None:
    for template in (cloud_template, local_template):
        config = _distribution(template)
        [api] = [behaviour for behaviour in config["CacheBehaviors"] if behaviour["PathPattern"] == "/api/*"]
        [origin] = [one for one in config["Origins"] if one["Id"] == api["TargetOriginId"]]
        # Authorization travels with all headers or not at all; an access control of the origin would write its own over it.
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


def test_the_distribution_has_three_doors(cloud_template: Template) -> None:
    config = _distribution(cloud_template)

    assert [behaviour["PathPattern"] for behaviour in config["CacheBehaviors"]] == ["/api/*", "/media/*"]
    api, media = config["CacheBehaviors"]
    assert sorted(api["AllowedMethods"]) == ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    assert sorted(media["AllowedMethods"]) == ["GET", "HEAD"]
    assert sorted(config["DefaultCacheBehavior"]["AllowedMethods"]) == ["GET", "HEAD"]
    assert all("ResponseHeadersPolicyId" in behaviour for behaviour in (api, media, config["DefaultCacheBehavior"]))


def test_the_api_knows_the_distribution_by_the_end_of_the_stack_id(cloud_template: Template) -> None:
    [origin] = [o for o in _distribution(cloud_template)["Origins"] if "CustomOriginConfig" in o]

    [header] = origin["OriginCustomHeaders"]
    assert header["HeaderName"] == "x-holdall-origin-verify"
    assert header["HeaderValue"] == {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    for function in cloud_template.functions().values():
        assert function["Environment"]["Variables"]["ORIGIN_VERIFY_SECRET"] == header["HeaderValue"]


def test_cloudfront_reads_media_and_nothing_else_of_the_variants(cloud_template: Template) -> None:
    [policy] = [
        p
        for p in cloud_template.properties("AWS::S3::BucketPolicy").values()
        if format_arn(p["Bucket"]).startswith("<Variants")
    ]

    allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert [s["Principal"] for s in allowed] == [{"Service": "cloudfront.amazonaws.com"}]
    assert allowed[0]["Action"] == "s3:GetObject"
    assert format_arn(allowed[0]["Resource"]).endswith(">/media/*")


def test_an_edge_keeps_a_variant_for_a_day_at_most(cloud_template: Template) -> None:
    [cache] = cloud_template.properties("AWS::CloudFront::CachePolicy").values()

    assert cache["CachePolicyConfig"]["MaxTTL"] == 24 * 3600


def test_every_page_is_sent_with_its_headers(cloud_template: Template) -> None:
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


def test_schedules_call_their_function_with_their_task(cloud_template: Template, local_template: Template) -> None:
    everywhere = {
        ("auth", "dispatch-emails"): "rate(1 minute)",
        ("auth", "rotate-keys"): "rate(43200 minutes)",
        ("maintenance", "send-pending-invitations"): "rate(1 minute)",
        ("maintenance", "purge-projects"): "rate(60 minutes)",
        ("maintenance", "recount"): "cron(0 3 * * ? *)",
        ("maintenance", "send-pending-jobs"): "rate(1 minute)",
    }

    assert _schedules(cloud_template) == everywhere | {("maintenance", "expire-uploads"): "rate(5 minutes)"}
    assert _schedules(local_template) == everywhere | {
        ("maintenance", "expire-uploads"): "rate(1 minute)",
        ("maintenance", "export-audit"): "cron(0 1 * * ? *)",
    }


def _distribution(template: Template) -> Any:
    [distribution] = template.properties("AWS::CloudFront::Distribution").values()
    return distribution["DistributionConfig"]


def _schedules(template: Template) -> dict[tuple[str, str], str]:
    """When which function is called, with which task."""
    names = {name: one["Handler"].split(".")[1] for name, one in template.properties("AWS::Lambda::Function").items()}
    targets = {
        (
            names[format_arn(schedule["Target"]["Arn"]).strip("<>")],
            json.loads(schedule["Target"]["Input"])["task"],
        ): schedule
        for schedule in template.properties("AWS::Scheduler::Schedule").values()
    }
    return {target: schedule["ScheduleExpression"] for target, schedule in targets.items()}
