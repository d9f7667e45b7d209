"""The buckets of files: originals, as they were sent, and variants, as we rendered them; and that of the audit's export."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.findings import accept


class Originals(Construct):
    """Written by clients through presigned URLs, and by nobody else. Tells `objects` of whatever arrives.

    No rule deletes versions: only the code does, naming the version, after its row says so.
    """

    def __init__(self, scope: Construct, name: str, *, origins: Sequence[str], objects: sqs.Queue) -> None:
        super().__init__(scope, name)
        self.bucket = _bucket(
            self,
            "Bucket",
            versioned=True,
            cors=[_browsers(origins)],
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(2))],
        )
        self._notify(objects)

    def _notify(self, objects: sqs.Queue) -> None:
        # By the account and not by the bucket: S3 checks the queue's policy when the bucket is made, so the policy must
        # come first and cannot know the bucket. CDK's way round is a Lambda with rights on all buckets' notifications.
        objects.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[objects.queue_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        bucket = self.bucket.node.default_child
        if not isinstance(bucket, s3.CfnBucket):  # pragma: no cover  # a promise of CDK
            raise TypeError(type(bucket))
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[
                s3.CfnBucket.QueueConfigurationProperty(event="s3:ObjectCreated:*", queue=objects.queue_arn)
            ]
        )
        policy = objects.node.find_child("Policy")
        bucket.node.add_dependency(policy)


class Variants(Construct):
    """Written by imageproc. CloudFront reads what lies under `media/`; the rest goes out by presigned GET only."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        self.bucket = _bucket(self, "Bucket")


class Exports(Construct):
    """What the audit table said, a night after the other. Not even the account's owner deletes it before its time.

    COMPLIANCE and not GOVERNANCE, which whoever has all rights may lift: against them the table alone is no proof.
    """

    def __init__(self, scope: Construct, name: str, *, days: int) -> None:
        super().__init__(scope, name)
        kept = s3.ObjectLockRetention.compliance(Duration.days(days))
        self.bucket = _bucket(self, "Bucket", versioned=True, kept=kept)


def _bucket(
    scope: Construct,
    name: str,
    *,
    versioned: bool = False,
    kept: s3.ObjectLockRetention | None = None,
    cors: Sequence[s3.CorsRule] | None = None,
    lifecycle_rules: Sequence[s3.LifecycleRule] | None = None,
) -> s3.Bucket:
    bucket = s3.Bucket(
        scope,
        name,
        versioned=versioned,
        object_lock_default_retention=kept,
        cors=cors,
        lifecycle_rules=lifecycle_rules,
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        removal_policy=RemovalPolicy.RETAIN,
    )
    accept(bucket, "S1", because="Access logs cost money for every request; who did what stands in the audit table.")
    return bucket


def _browsers(origins: Sequence[str]) -> s3.CorsRule:
    return s3.CorsRule(
        allowed_origins=list(origins),
        allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.HEAD, s3.HttpMethods.PUT, s3.HttpMethods.POST],
        # What a presigned request may be signed with.
        allowed_headers=["content-type", "if-none-match", "range", "x-amz-*"],
        exposed_headers=["ETag", "Location", "x-amz-checksum-sha256", "x-amz-version-id"],
        max_age=3600,
    )
