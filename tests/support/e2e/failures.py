"""Failures of workers on the deployed stack, which last as long as a block."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.e2e_environment import E2EEnvironment


@contextmanager
def action_denied(deployment: E2EEnvironment, function: str, action: str) -> Iterator[None]:
    """Deny an action to a function."""
    iam, role = deployment.cloud.client("iam"), deployment.outputs[f"{function}Role"].rpartition("/")[2]
    deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="deny", PolicyDocument=policy)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="deny")


@contextmanager
def one_receive(deployment: E2EEnvironment, queue: str) -> Iterator[None]:
    """Let a queue deliver a message once, because five times take half an hour."""
    sqs, url = deployment.cloud.client("sqs"), deployment.outputs[f"{queue}Queue"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    once = {**json.loads(attributes["RedrivePolicy"]), "maxReceiveCount": 1}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(once)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
