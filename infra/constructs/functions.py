"""The functions of the catalog. Each has its own role and log group."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Duration, Fn, RemovalPolicy, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.build.assets import Assets
from infra.catalog import FUNCTIONS, Function, Grant, Resource
from infra.constructs.nag import suppress
from infra.releases import LIVE
from infra.stage import Stage

RUNTIME = lambda_.Runtime.PYTHON_3_14
ARCHITECTURE = lambda_.Architecture.ARM_64
# Lambda's own lines: timeouts and failures, without START, END and REPORT of each call, which cost more than the call.
SYSTEM_LOG_LEVEL = lambda_.SystemLogLevel.WARN
# Why an action is allowed on all resources.
_WILDCARD_REASONS = {
    Resource.SES_IDENTITIES: "In the sandbox, SES also checks the recipient's identity. A condition restricts the sender.",
    Resource.SES_ACCOUNT: "GetAccount has no resource type.",
}


class Functions(Construct):
    """`aliases` and `log_groups` are by function name.

    Every call goes to the alias `live`. CloudFormation changes the code and the layers of a function one after the other, so
    `$LATEST` is for seconds a mixture of two releases. A version has both, and the alias moves to the next one at once.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        assets: Assets,
        resources: Mapping[Resource, Sequence[str]],
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        # SendEmail is checked for identities and configuration sets, so the sender is restricted by a condition.
        is_sender = {"StringEqualsIfExists": {"ses:FromAddress": stage.mail_sender}}
        # No parameter can be replaced. Without the key of the TOTP secrets, no second factor works any more.
        creates_only = {"StringEqualsIfExists": {"ssm:Overwrite": "false"}}
        self._iam_conditions = {Resource.SES_IDENTITIES: is_sender, Resource.PARAMETERS: creates_only}
        self._stage = stage
        self.aliases: dict[str, lambda_.Alias] = {}
        self.log_groups: dict[str, logs.LogGroup] = {}
        layers = {layer: self._create_layer(layer, assets) for layer in assets.layers}
        for function in FUNCTIONS:
            group = create_log_group(self, f"{function.name.capitalize()}Logs", stage)
            self.log_groups[function.name] = group
            created = self._create_function(
                function,
                code=lambda_.Code.from_asset(str(assets.functions[function.name])),
                layers=[layers[layer] for layer in function.layers],
                role=self._create_role(function, group, resources),
                environment=environment,
                log_group=group,
            )
            self.aliases[function.name] = created.add_alias(LIVE, description="The version that is called.")

    def _create_function(
        self,
        function: Function,
        *,
        code: lambda_.Code,
        layers: list[lambda_.ILayerVersion],
        role: iam.IRole,
        environment: Mapping[str, str],
        log_group: logs.LogGroup,
    ) -> lambda_.Function:
        return lambda_.Function(
            self,
            function.name.capitalize(),
            description=function.description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=f"functions.{function.name}.handler.handler",
            code=code,
            layers=layers,
            memory_size=function.memory,
            timeout=Duration.seconds(function.timeout),
            ephemeral_storage_size=Size.mebibytes(function.storage),
            role=role,
            environment={**environment, "POWERTOOLS_SERVICE_NAME": function.name},
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=SYSTEM_LOG_LEVEL,
            tracing=lambda_.Tracing.ACTIVE if self._stage.is_enabled("tracing") else lambda_.Tracing.DISABLED,
            # Long jobs continue by a message to their own queue, and are bounded by their rows. Without this, Lambda stops such
            # a chain after 16 calls ("Use Lambda recursive loop detection" in its developer guide).
            recursive_loop=lambda_.RecursiveLoop.ALLOW if function.feeds_own_queue else None,
            # `infra.releases` deletes them. One of a deployment that failed is not kept: Lambda publishes nothing that equals
            # the last version, and then CloudFormation could not deploy the same code again.
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE),
        )

    def _create_layer(self, name: str, assets: Assets) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            f"{name.capitalize()}Layer",
            code=lambda_.Code.from_asset(str(assets.layers[name])),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
        )

    def _create_role(
        self, function: Function, group: logs.LogGroup, resources: Mapping[Resource, Sequence[str]]
    ) -> iam.IRole:
        grants = [grant for grant in function.grants if self._stage.is_enabled(grant.enabled_by)]
        statements = [
            iam.PolicyStatement(
                actions=list(grant.actions),
                resources=list(resources[grant.resource]),
                conditions=_of_keys(grant) if grant.keys else self._iam_conditions.get(grant.resource),
            )
            for grant in grants
        ]
        if self._stage.is_enabled("tracing"):
            statements.append(
                iam.PolicyStatement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"])
            )
        role = create_role(self, f"{function.name.capitalize()}Role", group, statements)
        suppress(role, "IAM5[Resource::*]", reason="The two actions of X-Ray have no resource type.")
        for grant in grants:
            for resource in resources[grant.resource]:
                if "*" in resource:
                    _suppress_wildcard(role, grant.resource, resource)
        # CDK must add nothing to the role. What it needs is in the catalog.
        return role.without_policy_updates()


def create_log_group(scope: Construct, construct_id: str, stage: Stage, *, name: str | None = None) -> logs.LogGroup:
    """Create a log group with the retention time of the stage. Without a name, CloudFormation makes one."""
    group = logs.LogGroup(scope, construct_id, log_group_name=name, removal_policy=RemovalPolicy.DESTROY)
    child = group.node.default_child
    if isinstance(child, logs.CfnLogGroup):
        child.retention_in_days = stage.log_retention_days
    return group


def create_role(
    scope: Construct, name: str, group: logs.LogGroup, statements: Sequence[iam.PolicyStatement]
) -> iam.Role:
    """Create the role of a function, with these statements, and with the right to write to its log group."""
    return iam.Role(
        scope,
        name,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={
            "default": iam.PolicyDocument(
                statements=[
                    *statements,
                    iam.PolicyStatement(
                        actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[group.log_group_arn]
                    ),
                ]
            )
        },
    )


def stack_uuid() -> str:
    """Return the UUID at the end of the stack's ID. It is in no template. A tag of every resource shows it in the account."""
    return Fn.select(2, Fn.split("/", Aws.STACK_ID))


def _of_keys(grant: Grant) -> dict[str, dict[str, list[str]]]:
    """Return the condition that all rows of a request have one of the partition keys.

    IAM checks each part of a transaction as an action of its own ("Using IAM with DynamoDB transactions", and "Using IAM policy
    conditions for fine-grained access control" in the DynamoDB developer guide, which advises against `Deny`).
    """
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(grant.keys)}}


def _suppress_wildcard(role: iam.Role, resource: Resource, arn: str) -> None:
    reason = _WILDCARD_REASONS.get(resource, f"Names in {resource} are only known at run time. The actions are listed.")
    suppress(role, f"IAM5[Resource::{_format_nag_arn(role, arn)}]", reason=reason)


def _format_nag_arn(role: iam.Role, arn: str) -> str:
    """Format an ARN as in cdk-nag's findings, with references in angle brackets."""
    resolved = role.stack.resolve(arn)
    if isinstance(resolved, str):
        return resolved
    return "".join(part if isinstance(part, str) else _format_reference(part) for part in resolved["Fn::Join"][1])


def _format_reference(part: Mapping[str, str | Sequence[str]]) -> str:
    [(function, target)] = part.items()
    if function == "Ref":
        return f"<{target}>"
    return f"<{'.'.join(target)}>"
