"""The response headers that CloudFront adds, for each origin."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

from infra.stage import Stage


def console_headers(scope: Construct, stage: Stage) -> cloudfront.ResponseHeadersPolicy:
    """Return the policy of the console. It may load from our own origin, and read and write files in the buckets."""
    # Not by bucket name, because the originals bucket depends on the distribution (CORS), which depends on this policy.
    buckets = stage.bucket_origins.format(region=Aws.REGION, port=stage.port)
    return _policy(
        scope,
        "ConsoleHeaders",
        {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "font-src": "'self'",
            "manifest-src": "'self'",
            "worker-src": "'self'",
            "img-src": f"'self' data: blob: {buckets}",
            "media-src": f"'self' blob: {buckets}",
            "connect-src": f"'self' {buckets}",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        },
        resource_policy="same-origin",
    )


def api_headers(scope: Construct) -> cloudfront.ResponseHeadersPolicy:
    """Return the policy of the API. A response may override the CSP, as the documentation page does."""
    return _policy(
        scope,
        "ApiHeaders",
        {"default-src": "'none'", "frame-ancestors": "'none'"},
        resource_policy=None,
        override_csp=False,
    )


def media_headers(scope: Construct) -> cloudfront.ResponseHeadersPolicy:
    """Return the policy of variants. Any page may embed them, and a variant that is opened directly can run nothing."""
    return _policy(
        scope,
        "MediaHeaders",
        {"default-src": "'none'", "sandbox": "", "frame-ancestors": "'none'"},
        resource_policy="cross-origin",
    )


def _policy(
    scope: Construct, name: str, csp: dict[str, str], *, resource_policy: str | None, override_csp: bool = True
) -> cloudfront.ResponseHeadersPolicy:
    own = {"permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()"}
    if resource_policy:
        own["cross-origin-resource-policy"] = resource_policy
    return cloudfront.ResponseHeadersPolicy(
        scope,
        name,
        security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
            content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                content_security_policy="; ".join(f"{key} {value}".strip() for key, value in csp.items()),
                override=override_csp,
            ),
            content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
            frame_options=cloudfront.ResponseHeadersFrameOptions(
                frame_option=cloudfront.HeadersFrameOption.DENY, override=True
            ),
            referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
            ),
            strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                access_control_max_age=Duration.days(730), include_subdomains=True, override=True
            ),
        ),
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
            custom_headers=[
                cloudfront.ResponseCustomHeader(header=header, value=value, override=True)
                for header, value in own.items()
            ]
        ),
    )
