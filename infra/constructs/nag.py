"""Findings of cdk-nag that we accept, each beside the resource that it is about."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def suppress(scope: IConstruct, rule_id: str, *, reason: str) -> None:
    """Accept one finding (`S1`, or `IAM5[Resource::*]` for one of several) on `scope` and all below it."""
    Validations.of(scope).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule_id}", reason=reason))
