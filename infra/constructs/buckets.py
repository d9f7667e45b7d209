"""The buckets of originals, of rendered variants, and of audit exports."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.nag import suppress


class Originals(Construct):
    """The files as they were uploaded, by clients with presigned URLs only. Notifies the queue `objects` of each new object.

    No lifecycle rule deletes versions. Only the code does, by version ID, after it has updated the row.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, allowed_origins: Sequence[str], objects_queue: sqs.Queue
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = _create_bucket(
            self,
            "Bucket",
            versioned=True,
            cors_rules=[_cors_rule(allowed_origins)],
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(2))],
        )
        self._add_notification(objects_queue)

    def _add_notification(self, objects_queue: sqs.Queue) -> None:
        # The condition names the account and not the bucket: S3 checks the queue policy when the bucket is created, so the
        # policy must exist first. CDK's own solution is a Lambda function that may change the notifications of all buckets.
        objects_queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[objects_queue.queue_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        bucket = self.bucket.node.default_child
        if not isinstance(bucket, s3.CfnBucket):  # pragma: no cover  # never in CDK
            raise TypeError(type(bucket))
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[
                s3.CfnBucket.QueueConfigurationProperty(event="s3:ObjectCreated:*", queue=objects_queue.queue_arn)
            ]
        )
        policy = objects_queue.node.find_child("Policy")
        bucket.node.add_dependency(policy)


class Variants(Construct):
    """The variants. CloudFront can read the prefix `media/`; everything else needs a presigned URL."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        # Any origin, because only the holder of a presigned URL can read, and because a browser that followed a redirect of the
        # API from another website sends the origin `null`. No header of the API's requests is allowed, so no key gets here.
        cors_rule = s3.CorsRule(
            allowed_origins=["*"],
            allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.HEAD],
            allowed_headers=["range"],
            exposed_headers=["ETag"],
            max_age=3600,
        )
        self.bucket = _create_bucket(self, "Bucket", cors_rules=[cors_rule])


class Exports(Construct):
    """The nightly exports of the audit table. No one can delete them before the retention period ends.

    The mode is COMPLIANCE, because an administrator can bypass GOVERNANCE, and could also change the audit table.
    """

    def __init__(self, scope: Construct, construct_id: str, *, retention_days: int) -> None:
        super().__init__(scope, construct_id)
        retention = s3.ObjectLockRetention.compliance(Duration.days(retention_days))
        self.bucket = _create_bucket(self, "Bucket", versioned=True, object_lock_retention=retention)


def _create_bucket(
    scope: Construct,
    name: str,
    *,
    versioned: bool = False,
    object_lock_retention: s3.ObjectLockRetention | None = None,
    cors_rules: Sequence[s3.CorsRule] | None = None,
    lifecycle_rules: Sequence[s3.LifecycleRule] | None = None,
) -> s3.Bucket:
    bucket = s3.Bucket(
        scope,
        name,
        versioned=versioned,
        object_lock_default_retention=object_lock_retention,
        cors=cors_rules,
        lifecycle_rules=lifecycle_rules,
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        removal_policy=RemovalPolicy.RETAIN,
    )
    suppress(bucket, "S1", reason="Access logs cost money for every request. The audit table records who did what.")
    return bucket


def _cors_rule(allowed_origins: Sequence[str]) -> s3.CorsRule:
    return s3.CorsRule(
        allowed_origins=list(allowed_origins),
        allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.HEAD, s3.HttpMethods.PUT, s3.HttpMethods.POST],
        # The headers that a presigned request can have.
        allowed_headers=["content-type", "if-none-match", "range", "x-amz-*"],
        exposed_headers=["ETag", "Location", "x-amz-checksum-sha256", "x-amz-version-id"],
        max_age=3600,
    )
