"""IAM in this process: a call to AWS of a function must be granted by the catalog, and for the partition keys of its rows.

moto checks no policies, and MiniStack does not know the condition `dynamodb:LeadingKeys`.
"""

import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from holdall.platform import aws
from holdall.platform.table import records
from infra.catalog import FUNCTIONS, Resource

Access = tuple[frozenset[Resource], str, str]  # the resources that it could be granted on, action, key

_GRANTS = {function.name: function.grants for function in FUNCTIONS}
_S3_ACTIONS = {
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "CopyObject": "s3:PutObject",
    "HeadObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "ListParts": "s3:ListMultipartUploadParts",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
}
_function: str | None = None


class AccessDenied(BaseException):
    """No grant of the function allows the call. No code catches this."""


@contextmanager
def acting_as(function: str | None) -> Iterator[None]:
    """Check the calls to AWS against the grants of a function. The calls of tests themselves are not checked."""
    global _function  # noqa: PLW0603  # a handler may make calls in threads, which a context variable would not reach
    previous, _function = _function, function
    try:
        yield
    finally:
        _function = previous


@cache
def load_handler(function: str) -> Callable[..., Any]:
    """Return the handler of a function, with the grants of the function."""
    handler = importlib.import_module(f"functions.{function}.handler").handler

    def handle(event: Any, context: Any) -> Any:
        with acting_as(function):
            return handler(event, context)

    return handle


def install() -> None:
    """Check all later calls of this process."""
    for events in (aws.session().get_component("event_emitter"), records.connection.client.meta.events):
        events.register_first("provide-client-params", _check, unique_id="iam-of-tests")


def _check(params: dict[str, Any], model: Any, **_: Any) -> None:
    if _function is None:  # a test itself, whose calls may be of any kind
        return
    for resources, action, key in _list_accesses(model.service_model.service_name, model.name, params):
        if not _is_granted(_function, resources, action, key):
            raise AccessDenied(f"{_function} has no {action} on {', '.join(resources)} for {key!r}.")


def _is_granted(function: str, resources: frozenset[Resource], action: str, key: str) -> bool:
    return any(
        grant.resource in resources
        and action in grant.actions
        and (not grant.keys or any(fnmatchcase(key, pattern) for pattern in grant.keys))
        for grant in _GRANTS[function]
    )


def _list_accesses(service: str, operation: str, params: dict[str, Any]) -> Iterator[Access]:
    if service == "dynamodb":
        yield from _list_row_accesses(operation, params)
    elif service == "s3":
        if params["Bucket"] == "edge":
            return  # the edge store has credentials of its own
        yield from _list_object_accesses(operation, params)
    elif service == "sqs":
        yield frozenset({Resource(f"{params['QueueUrl'].rpartition('/')[2]}-queue")}), f"sqs:{operation}", ""
    elif service == "ssm":
        resources = {Resource.PARAMETERS, Resource.SIGNING_KEYS}
        if params["Name"].endswith("/edge-credentials"):
            resources.add(Resource.EDGE_CREDENTIALS)
        yield frozenset(resources), f"ssm:{operation}", params["Name"]
    else:
        yield frozenset({Resource.SES_IDENTITIES, Resource.SES_ACCOUNT}), f"ses:{operation}", ""


def _list_row_accesses(operation: str, params: dict[str, Any]) -> Iterator[Access]:
    """Yield an access for each row: the parts of a transaction and of a batch are authorized one by one."""
    if operation == "TransactWriteItems":
        for item in params["TransactItems"]:
            for kind, part in item.items():
                yield from _list_row_accesses("ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item", part)
    elif operation == "BatchGetItem":
        for table, request in params["RequestItems"].items():
            for key in request["Keys"]:
                yield frozenset({Resource(table)}), "dynamodb:BatchGetItem", key["pk"]["S"]
    elif operation == "Query":
        table = params["TableName"] + ("-indexes" if "IndexName" in params else "")
        value = re.findall(r":\w+", params["KeyConditionExpression"])[0]
        yield frozenset({Resource(table)}), "dynamodb:Query", params["ExpressionAttributeValues"][value]["S"]
    else:
        key = (params["Item"] if operation == "PutItem" else params["Key"])["pk"]["S"]
        yield frozenset({Resource(params["TableName"])}), f"dynamodb:{operation}", key


def _list_object_accesses(operation: str, params: dict[str, Any]) -> Iterator[Access]:
    bucket, key = params["Bucket"], params.get("Key", "")
    action = _S3_ACTIONS.get(operation, f"s3:{operation}") + ("Version" if "VersionId" in params else "")
    resources = {Resource(f"{bucket}-objects" if key else bucket)}
    if bucket == "originals" and "/images/original/" in key:
        resources.add(Resource.ORIGINAL_IMAGES)
    yield frozenset(resources), action, key
    if source := params.get("CopySource"):
        yield frozenset({Resource(f"{source['Bucket']}-objects")}), "s3:GetObject", source["Key"]
