"""The console: its bucket, and the custom resource that uploads the site."""

from pathlib import Path

from aws_cdk import CfnResource, CustomResource, Duration, FileSystem, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.functions import ARCHITECTURE, RUNTIME, SYSTEM_LOG_LEVEL, create_log_group, create_role
from infra.constructs.nag import suppress
from infra.stage import Stage


class Console(Construct):
    """The site is part of the publisher's code, in every stage."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, publisher_code: Path) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            # Holds only files from the repository. The publisher empties it when the stack is deleted.
            removal_policy=RemovalPolicy.DESTROY,
        )
        suppress(self.bucket, "S1", reason="Access logs cost money for every request, and the site is public.")
        deployment = CustomResource(
            self,
            "SiteDeployment",
            service_token=self._create_publisher(stage, publisher_code).function_arn,
            # CloudFormation sends an update only if a property has changed.
            properties={"Bucket": self.bucket.bucket_name, "Version": FileSystem.fingerprint(str(publisher_code))},
        )
        child = deployment.node.default_child
        if isinstance(child, CfnResource):
            # Seconds. By default, a deploy waits an hour for a publisher that died. Not `service_timeout`, of which CDK makes a
            # string, while CloudFormation's validation asks for a number.
            child.add_property_override("ServiceTimeout", 300)

    def _create_publisher(self, stage: Stage, code: Path) -> lambda_.Function:
        group = create_log_group(self, "PublisherLogs", stage)
        role = create_role(
            self,
            "PublisherRole",
            group,
            [
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn]),
                iam.PolicyStatement(
                    actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                    resources=[self.bucket.arn_for_objects("*")],
                ),
            ],
        )
        bucket_id = self.bucket.stack.get_logical_id(self.bucket.node.default_child)  # type: ignore[arg-type]
        suppress(
            role,
            f"IAM5[Resource::<{self.bucket.stack.resolve(bucket_id)}.Arn>/*]",
            reason="All files of the site.",
        )
        return lambda_.Function(
            self,
            "Publisher",
            description="Uploads the console to its bucket.",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler="console_publisher.handler",
            code=lambda_.Code.from_asset(str(code)),
            memory_size=512,
            timeout=Duration.minutes(2),
            role=role.without_policy_updates(),
            log_group=group,
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=SYSTEM_LOG_LEVEL,
        )
