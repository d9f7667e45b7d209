"""Suppressions of cdk-nag's findings. Each is written beside its resource."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def suppress(scope: IConstruct, rule_id: str, *, reason: str) -> None:
    """Suppress a finding (`S1`, or `IAM5[Resource::*]` for one of several) in `scope` and everything below it."""
    Validations.of(scope).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule_id}", reason=reason))
