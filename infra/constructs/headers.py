"""Response headers that the edge adds, by what is behind it."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

from infra.stage import Stage


def console_headers(scope: Construct, stage: Stage) -> cloudfront.ResponseHeadersPolicy:
    """For the console: everything from ourselves; bytes of files also straight from and to the buckets."""
    # Not the buckets by name: theirs depend on the distribution (CORS), and this policy comes before it.
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
    """For the API. A page of its own, such as the documents, may say more exactly what it loads."""
    return _policy(
        scope,
        "ApiHeaders",
        {"default-src": "'none'", "frame-ancestors": "'none'"},
        resource_policy=None,
        override_csp=False,
    )


def media_headers(scope: Construct) -> cloudfront.ResponseHeadersPolicy:
    """For variants: pictures that any page may show, and that can do nothing when opened by themselves."""
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
