"""A domain of one's own: aliases of the distribution, their certificate, and the URLs that contain them."""

from collections.abc import Mapping

import pytest

from infra.stage import InvalidStage, Stage
from tests.infra.template import Template, format_arn

_ALIASES = ["files.example.com", "media.example.com"]
_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0123"
_URL = "https://files.example.com"


def test_distribution_has_the_aliases_and_their_certificate(template_with_options: Template) -> None:
    [distribution] = template_with_options.properties("AWS::CloudFront::Distribution").values()

    assert distribution["DistributionConfig"]["Aliases"] == _ALIASES
    assert distribution["DistributionConfig"]["ViewerCertificate"] == {
        "AcmCertificateArn": _CERTIFICATE,
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }


def test_every_url_of_our_own_is_at_the_first_alias(template_with_options: Template) -> None:
    for function in template_with_options.functions().values():
        variables = function["Environment"]["Variables"]
        assert (variables["PUBLIC_URL"], variables["ALLOWED_ORIGINS"]) == (_URL, _URL)
    assert _URL in _allowed_origins(template_with_options)
    assert template_with_options.body["Outputs"]["ConsoleUrl"]["Value"] == f"{_URL}/"


def test_without_aliases_cloudfront_has_its_own_domain_and_certificate(cloud_template: Template) -> None:
    [(name, distribution)] = cloud_template.properties("AWS::CloudFront::Distribution").items()
    url = f"https://<{name}.DomainName>"

    assert not {"Aliases", "ViewerCertificate"} & distribution["DistributionConfig"].keys()
    for function in cloud_template.functions().values():
        assert format_arn(function["Environment"]["Variables"]["PUBLIC_URL"]) == url
    assert url in _allowed_origins(cloud_template)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"aliases": _ALIASES}, "aliases and certificateArn need each other"),
        ({"certificateArn": _CERTIFICATE}, "aliases and certificateArn need each other"),
        ({"aliases": _ALIASES, "certificateArn": _CERTIFICATE.replace("us-east-1", "eu-west-1")}, "certificateArn"),
    ],
)
def test_aliases_need_a_certificate_in_us_east_1(values: Mapping[str, object], message: str) -> None:
    with pytest.raises(InvalidStage, match=message):
        Stage.load("cloud", overrides=values)


def _allowed_origins(template: Template) -> list[str]:
    """Return the origins that may upload to the originals bucket."""
    [origins] = [
        rule["AllowedOrigins"]
        for bucket in template.properties("AWS::S3::Bucket").values()
        for rule in bucket.get("CorsConfiguration", {}).get("CorsRules", [])
        if "PUT" in rule["AllowedMethods"]
    ]
    return [format_arn(origin) for origin in origins]
