"""The four tables. What lies in them stands in the stores of `holdall`."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

EXPIRY = "ttl"  # epoch seconds; a garbage collector, never a rule
_STRING = dynamodb.AttributeType.STRING


class Tables(Construct):
    """`dynamodb.Table` and not `TableV2`: a change of a property must never replace a table."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        self.main = self._table(
            "Main",
            expires=True,
            stream=dynamodb.StreamViewType.NEW_IMAGE,
            indexes={
                "by-owner": ("owner", "position"),
                "by-facet": ("facet", "rank"),
                "by-quality": ("quality", "turn"),
            },
        )
        self.credentials = self._table("Credentials")
        self.audit = self._table(
            "Audit",
            indexes={
                "by-actor": ("actor", "at"),
                "by-target": ("target", "at"),
                "by-action": ("action", "at"),
                "by-time": ("journal", "at"),
            },
        )
        self.ephemeral = self._table("Ephemeral", expires=True)

    def _table(
        self,
        name: str,
        *,
        expires: bool = False,
        stream: dynamodb.StreamViewType | None = None,
        indexes: dict[str, tuple[str, str]] | None = None,
    ) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            name,
            partition_key=dynamodb.Attribute(name="pk", type=_STRING),
            sort_key=dynamodb.Attribute(name="sk", type=_STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=EXPIRY if expires else None,
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
