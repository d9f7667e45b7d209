"""The four tables. What lies in them stands in the stores of `holdall`."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

TTL_ATTRIBUTE = "ttl"  # epoch seconds; a garbage collector, never a rule
_STRING = dynamodb.AttributeType.STRING


class Tables(Construct):
    """`dynamodb.Table` and not `TableV2`: a change of a property must never replace a table."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.main = self._create_table(
            "Main",
            has_ttl=True,
            stream=dynamodb.StreamViewType.NEW_IMAGE,
            indexes={
                "gsi1": ("gsi1pk", "gsi1sk"),
                "gsi2": ("gsi2pk", "gsi2sk"),
                "gsi3": ("gsi3pk", "gsi3sk"),
            },
        )
        self.credentials = self._create_table("Credentials")
        self.audit = self._create_table(
            "Audit",
            indexes={
                "by-actor": ("actor", "gsi_sk"),
                "by-target": ("target", "gsi_sk"),
                "by-action": ("action", "gsi_sk"),
                "by-time": ("gsi_time_pk", "gsi_sk"),
            },
        )
        self.ephemeral = self._create_table("Ephemeral", has_ttl=True)

    def _create_table(
        self,
        name: str,
        *,
        has_ttl: bool = False,
        stream: dynamodb.StreamViewType | None = None,
        indexes: dict[str, tuple[str, str]] | None = None,
    ) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            name,
            partition_key=dynamodb.Attribute(name="pk", type=_STRING),
            sort_key=dynamodb.Attribute(name="sk", type=_STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=TTL_ATTRIBUTE if has_ttl else None,
            stream=stream,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        for index, (partition, sort) in (indexes or {}).items():
            table.add_global_secondary_index(
                index_name=index,
                partition_key=dynamodb.Attribute(name=partition, type=_STRING),
                sort_key=dynamodb.Attribute(name=sort, type=_STRING),
                projection_type=dynamodb.ProjectionType.ALL,
            )
        return table
