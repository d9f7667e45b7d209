"""The CloudFront distribution: the console at /, the API at /api/*, links at /s/*, variants of public projects at /media/*."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import Annotations, Aws, Duration, Fn
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs import headers
from infra.constructs.functions import stack_uuid
from infra.constructs.nag import suppress
from infra.stage import Stage

# All that CloudFront can cache as errors ("How CloudFront caches HTTP 4xx and 5xx status codes" in its developer guide).
_ERROR_CODES = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
_VERIFY_HEADER = "x-holdall-origin-verify"


class Distribution(Construct):
    """The distribution. Created before the functions, because their environment has its URL."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        api: gateway.HttpApi,
        console: s3.Bucket,
        variants: s3.Bucket,
    ) -> None:
        super().__init__(scope, construct_id)
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"Holdall, {stage.name}",
            **_domain_options(self, stage),
            default_root_object="index.html",
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            default_behavior=self._console_behavior(stage, console),
            # By default, CloudFront keeps an error for ten seconds, most of them even with `no-store` ("Control how long
            # CloudFront caches errors"), and the cache key of the API has neither query nor credentials.
            error_responses=[
                cloudfront.ErrorResponse(http_status=code, ttl=Duration.seconds(0)) for code in _ERROR_CODES
            ],
            additional_behaviors={
                **dict.fromkeys(("/api/*", "/s/*"), self._api_behavior(stage, api)),
                "/media/*": self._media_behavior(variants),
            },
        )
        self._grant_media_read(variants)
        self.domain = self.distribution.distribution_domain_name  # of CloudFront, which the aliases lead to
        self.public_url = (
            f"https://{stage.aliases[0]}"
            if stage.aliases
            else stage.public_url.format(
                domain=self.domain, label=Fn.select(0, Fn.split(".", self.domain)), port=stage.port
            )
        )
        self._suppress_findings(stage)

    def _console_behavior(self, stage: Stage, bucket: s3.Bucket) -> cloudfront.BehaviorOptions:
        return cloudfront.BehaviorOptions(
            origin=self._bucket_origin("Console", bucket),
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
            cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
            compress=True,
            function_associations=[self._viewer_request("Console", _read_script("viewer_request_console.js"))],
            response_headers_policy=headers.console_headers(self, stage),
        )

    def _api_behavior(self, stage: Stage, api: gateway.HttpApi) -> cloudfront.BehaviorOptions:
        # Without our own domain, which is unknown here and needs no preflight requests.
        script = _read_script("viewer_request_api.js").replace("__ORIGINS__", json.dumps(stage.allowed_origins))
        return cloudfront.BehaviorOptions(
            origin=_api_origin(stage, api),
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            function_associations=[self._viewer_request("Api", script)],
            response_headers_policy=headers.api_headers(self),
        )

    def _media_behavior(self, variants: s3.Bucket) -> cloudfront.BehaviorOptions:
        # As an imported bucket, because CDK would allow reading all of it. `_grant_media_read` allows `media/` only.
        bucket = s3.Bucket.from_bucket_attributes(
            self,
            "Media",
            bucket_arn=variants.bucket_arn,
            bucket_regional_domain_name=variants.bucket_regional_domain_name,
        )
        behavior = cloudfront.BehaviorOptions(
            origin=self._bucket_origin("Media", bucket),
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
            cache_policy=cloudfront.CachePolicy(
                self,
                "MediaCache",
                cache_policy_name=headers.regional_name("MediaCache"),
                comment="Variants: the cache key is the path; deleted variants disappear within a day",
                default_ttl=Duration.days(1),
                max_ttl=Duration.days(1),
                min_ttl=Duration.seconds(0),
            ),
            response_headers_policy=headers.media_headers(self),
        )
        Annotations.of(self).acknowledge_warning(
            "@aws-cdk/aws-cloudfront-origins:updateImportedBucketPolicyOac",
            "_grant_media_read adds the policy.",
        )
        return behavior

    def _grant_media_read(self, variants: s3.Bucket) -> None:
        # Without ListBucket, a missing key returns 403, like a forbidden one.
        variants.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudfront.amazonaws.com")],
                actions=["s3:GetObject"],
                resources=[variants.arn_for_objects("media/*")],
                conditions={"StringEquals": {"AWS:SourceArn": self.distribution.distribution_arn}},
            )
        )

    def _bucket_origin(self, name: str, bucket: s3.IBucket) -> cloudfront.IOrigin:
        access = cloudfront.S3OriginAccessControl(
            self, f"{name}Access", origin_access_control_name=headers.regional_name(f"{name}Access")
        )
        return origins.S3BucketOrigin.with_origin_access_control(bucket, origin_access_control=access)

    def _viewer_request(self, name: str, script: str) -> cloudfront.FunctionAssociation:
        return cloudfront.FunctionAssociation(
            event_type=cloudfront.FunctionEventType.VIEWER_REQUEST,
            function=cloudfront.Function(
                self,
                f"{name}Request",
                runtime=cloudfront.FunctionRuntime.JS_2_0,
                code=cloudfront.FunctionCode.from_inline(script),
            ),
        )

    def _suppress_findings(self, stage: Stage) -> None:
        reasons = {
            "CFR1": "Holdall is for users in all countries. An operator can add a geographic restriction in CloudFront.",
            "CFR2": "A WAF costs money while no one uses it. API Gateway and holdall.rate_limits limit requests.",
            "CFR3": "Access logs cost money, and would contain share tokens, which are part of paths.",
        }
        if not stage.aliases:
            reasons["CFR4"] = "A distribution without a custom domain has CloudFront's certificate and TLS policy."
        for finding, reason in reasons.items():
            suppress(self.distribution, finding, reason=reason)


def _domain_options(scope: Construct, stage: Stage) -> Mapping[str, Any]:
    """Return the options of a distribution with domains of our own. CDK warns of the TLS policy if there is no certificate."""
    if not stage.aliases:
        return {}
    return {
        "domain_names": list(stage.aliases),  # jsii takes no tuple
        "certificate": acm.Certificate.from_certificate_arn(scope, "Certificate", stage.certificate_arn),
        "minimum_protocol_version": cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
    }


def _api_origin(stage: Stage, api: gateway.HttpApi) -> origins.HttpOrigin:
    secure = stage.api_origin.protocol == "https"
    return origins.HttpOrigin(
        stage.api_origin.domain.format(apiId=api.api_id, region=Aws.REGION),
        origin_path=stage.api_origin.path.format(apiId=api.api_id) or None,
        protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY
        if secure
        else cloudfront.OriginProtocolPolicy.HTTP_ONLY,
        origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2] if secure else None,
        http_port=None if secure else stage.port,
        custom_headers={_VERIFY_HEADER: stack_uuid()},
    )


def _read_script(file: str) -> str:
    return Path(__file__).with_name(file).read_text()
