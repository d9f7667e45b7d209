"""The response headers that CloudFront adds, for each origin."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

from infra.stage import Stage

_ANY_ORIGIN = cloudfront.ResponseHeadersCorsBehavior(
    access_control_allow_origins=["*"],
    access_control_allow_methods=["GET", "HEAD"],
    access_control_allow_headers=["*"],
    access_control_allow_credentials=False,
    origin_override=True,
)


def regional_name(name: str) -> str:
    """Return a name of this stack and region: CloudFront's names are unique in an account. At most 64 characters."""
    return f"{Aws.STACK_NAME}-{name}-{Aws.REGION}"


def console_headers(scope: Construct, stage: Stage) -> cloudfront.ResponseHeadersPolicy:
    """Return the policy of the console. It may load from our own origin, and read and write files in the buckets."""
    # Not by bucket name, because the originals bucket depends on the distribution (CORS), which depends on this policy.
    buckets = stage.bucket_origins.format(region=Aws.REGION, port=stage.port)
    if stage.edge_store is not None:
        buckets += f" {stage.edge_store.public_endpoint}"
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
    """Return the policy of variants. Any page may embed and read them; a variant that is opened directly can run nothing."""
    return _policy(
        scope,
        "MediaHeaders",
        {"default-src": "'none'", "sandbox": "", "frame-ancestors": "'none'"},
        resource_policy="cross-origin",
        allow_any_origin=True,
    )


def _policy(
    scope: Construct,
    name: str,
    csp: dict[str, str],
    *,
    resource_policy: str | None,
    override_csp: bool = True,
    allow_any_origin: bool = False,
) -> cloudfront.ResponseHeadersPolicy:
    own = {"permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()"}
    if resource_policy:
        own["cross-origin-resource-policy"] = resource_policy
    return cloudfront.ResponseHeadersPolicy(
        scope,
        name,
        response_headers_policy_name=regional_name(name),
        cors_behavior=_ANY_ORIGIN if allow_any_origin else None,
        security_headers_behavior=_security_headers(csp, override_csp=override_csp),
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
            custom_headers=[
                cloudfront.ResponseCustomHeader(header=header, value=value, override=True)
                for header, value in own.items()
            ]
        ),
    )


def _security_headers(csp: dict[str, str], *, override_csp: bool) -> cloudfront.ResponseSecurityHeadersBehavior:
    return cloudfront.ResponseSecurityHeadersBehavior(
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
    )
