"""The edge, the API and what calls functions: routes, headers, throttle, schedules."""

import json
from typing import Any

from infra.catalog import FUNCTIONS
from tests.infra.template import Template, in_words

# Policies of CloudFront's own (AWS: "Use managed origin request policies", "Use managed cache policies").
_ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
_NO_CACHE = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"


def test_every_prefix_leads_to_its_function_bare_and_below(cloud: Template) -> None:
    routes = {route["RouteKey"] for route in cloud.properties("AWS::ApiGatewayV2::Route").values()}

    expected = {f"ANY {p}{rest}" for f in FUNCTIONS for p in f.prefixes for rest in ("", "/{proxy+}")}
    assert routes == expected | {"$default"}


def test_one_function_takes_what_no_route_knows() -> None:
    assert [function.name for function in FUNCTIONS if function.takes_the_rest] == ["files"]


def test_the_gateway_throttles_and_logs_neither_path_nor_query_nor_cookie(cloud: Template) -> None:
    [stage] = cloud.properties("AWS::ApiGatewayV2::Stage").values()

    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 200
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 400
    logged = set(json.loads(stage["AccessLogSettings"]["Format"]).values())
    assert "$context.requestId" in logged
    assert not {field for field in logged if "path" in field.lower() or "query" in field or "header" in field.lower()}


def test_tokens_and_keys_reach_the_api_and_no_log_on_the_way(cloud: Template, local: Template) -> None:
    for template in (cloud, local):
        config = _distribution(template)
        [api] = [behaviour for behaviour in config["CacheBehaviors"] if behaviour["PathPattern"] == "/api/*"]
        [origin] = [one for one in config["Origins"] if one["Id"] == api["TargetOriginId"]]
        # Authorization travels with all headers or not at all; an access control of the origin would write its own over it.
        assert api["OriginRequestPolicyId"] == _ALL_BUT_HOST
        assert api["CachePolicyId"] == _NO_CACHE
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


def test_the_distribution_has_three_doors(cloud: Template) -> None:
    config = _distribution(cloud)

    assert [behaviour["PathPattern"] for behaviour in config["CacheBehaviors"]] == ["/api/*", "/media/*"]
    api, media = config["CacheBehaviors"]
    assert sorted(api["AllowedMethods"]) == ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    assert sorted(media["AllowedMethods"]) == ["GET", "HEAD"]
    assert sorted(config["DefaultCacheBehavior"]["AllowedMethods"]) == ["GET", "HEAD"]
    assert all("ResponseHeadersPolicyId" in behaviour for behaviour in (api, media, config["DefaultCacheBehavior"]))


def test_the_api_knows_the_distribution_by_the_end_of_the_stack_id(cloud: Template) -> None:
    [origin] = [o for o in _distribution(cloud)["Origins"] if "CustomOriginConfig" in o]

    [header] = origin["OriginCustomHeaders"]
    assert header["HeaderName"] == "x-holdall-edge"
    assert header["HeaderValue"] == {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    for function in cloud.functions().values():
        assert function["Environment"]["Variables"]["EDGE_SECRET"] == header["HeaderValue"]


def test_cloudfront_reads_media_and_nothing_else_of_the_variants(cloud: Template) -> None:
    [policy] = [
        p for p in cloud.properties("AWS::S3::BucketPolicy").values() if in_words(p["Bucket"]).startswith("<Variants")
    ]

    allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert [s["Principal"] for s in allowed] == [{"Service": "cloudfront.amazonaws.com"}]
    assert allowed[0]["Action"] == "s3:GetObject"
    assert in_words(allowed[0]["Resource"]).endswith(">/media/*")


def test_an_edge_keeps_a_variant_for_a_day_at_most(cloud: Template) -> None:
    [cache] = cloud.properties("AWS::CloudFront::CachePolicy").values()

    assert cache["CachePolicyConfig"]["MaxTTL"] == 24 * 3600


def test_every_page_is_sent_with_its_headers(cloud: Template) -> None:
    policies = cloud.properties("AWS::CloudFront::ResponseHeadersPolicy").values()

    assert len(policies) == 3
    for policy in policies:
        security = policy["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
        csp = in_words(security["ContentSecurityPolicy"]["ContentSecurityPolicy"])
        assert csp.startswith("default-src 'none'")
        assert "unsafe" not in csp
        assert security["ContentTypeOptions"] == {"Override": True}
        assert security["FrameOptions"]["FrameOption"] == "DENY"
        assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 365 * 24 * 3600
        assert security["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"


def test_schedules_call_their_function_with_their_task(cloud: Template, local: Template) -> None:
    everywhere = {
        ("auth", "post-letters"): "rate(1 minute)",
        ("auth", "rotate-keys"): "rate(43200 minutes)",
        ("maintenance", "post-invitations"): "rate(1 minute)",
        ("maintenance", "purge-projects"): "rate(60 minutes)",
        ("maintenance", "recount"): "cron(0 3 * * ? *)",
        ("maintenance", "send-pending-jobs"): "rate(1 minute)",
    }

    assert _schedules(cloud) == everywhere | {("maintenance", "expire-uploads"): "rate(5 minutes)"}
    assert _schedules(local) == everywhere | {
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
            names[in_words(schedule["Target"]["Arn"]).strip("<>")],
            json.loads(schedule["Target"]["Input"])["task"],
        ): schedule
        for schedule in template.properties("AWS::Scheduler::Schedule").values()
    }
    return {target: schedule["ScheduleExpression"] for target, schedule in targets.items()}
