"""The functions of the catalogue, each with a role and a log group of its own."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Duration, Fn, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.build.assets import Assets
from infra.catalog import FUNCTIONS, Function, Resource
from infra.constructs.nag import suppress
from infra.stage import Stage

RUNTIME = lambda_.Runtime.PYTHON_3_14
ARCHITECTURE = lambda_.Architecture.ARM_64
# Why an action is not held to one resource.
_WILDCARD_REASONS = {
    Resource.SES_IDENTITIES: "In its sandbox SES asks for rights on the receiver's identity too; a condition names the sender.",
    Resource.SES_ACCOUNT: "What SES tells of an account knows no resource.",
}


class Functions(Construct):
    """`made` and `log_groups` are by name of the function."""

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
        # The resource of a letter is the identity that sends it, or its configuration set, or both: the sender is what counts.
        sender = {"StringEqualsIfExists": {"ses:FromAddress": stage.mail_sender}}
        self._iam_conditions = {Resource.SES_IDENTITIES: sender}
        self._stage = stage
        self.functions: dict[str, lambda_.Function] = {}
        self.log_groups: dict[str, logs.LogGroup] = {}
        layers = {layer: self._create_layer(layer, assets) for layer in assets.layers}
        for function in FUNCTIONS:
            group = create_log_group(self, f"{function.name.capitalize()}Logs", stage)
            self.log_groups[function.name] = group
            self.functions[function.name] = lambda_.Function(
                self,
                function.name.capitalize(),
                description=function.description,
                runtime=RUNTIME,
                architecture=ARCHITECTURE,
                handler=f"functions.{function.name}.handler.handler",
                code=lambda_.Code.from_asset(str(assets.functions[function.name])),
                layers=[layers[layer] for layer in function.layers],
                memory_size=function.memory,
                timeout=Duration.seconds(function.timeout),
                role=self._create_role(function, group, resources),
                environment={**environment, "POWERTOOLS_SERVICE_NAME": function.name},
                log_group=group,
                logging_format=lambda_.LoggingFormat.JSON,
                tracing=lambda_.Tracing.ACTIVE,
            )

    def _create_layer(self, name: str, assets: Assets) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            f"{name.capitalize()}Layer",
            code=lambda_.Code.from_asset(
                str(assets.layers[name]),
                # What an editor or a test left beside our own code; fetched packages are compiled on purpose.
                exclude=["**/__pycache__"] if name == "core" else None,
            ),
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
                conditions=self._iam_conditions.get(grant.resource),
            )
            for grant in grants
        ]
        role = create_role(self, f"{function.name.capitalize()}Role", group, statements)
        for grant in grants:
            for resource in resources[grant.resource]:
                if "*" in resource:
                    _suppress_wildcard(role, grant.resource, resource)
        # Whatever CDK would add to a role by itself is named here already, or is not wanted.
        return role.without_policy_updates()


def create_log_group(scope: Construct, name: str, stage: Stage) -> logs.LogGroup:
    """A log group that forgets after the stage's number of days."""
    group = logs.LogGroup(scope, name, removal_policy=RemovalPolicy.DESTROY)
    child = group.node.default_child
    if isinstance(child, logs.CfnLogGroup):
        child.retention_in_days = stage.log_retention_days
    return group


def create_role(
    scope: Construct, name: str, group: logs.LogGroup, statements: Sequence[iam.PolicyStatement]
) -> iam.Role:
    """A Lambda's role with these statements, its own log group, and traces."""
    role = iam.Role(
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
                    iam.PolicyStatement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"]),
                ]
            )
        },
    )
    suppress(role, "IAM5[Resource::*]", reason="X-Ray's two actions know no resource.")
    return role


def stack_uuid() -> str:
    """The UUID at the end of the stack's id: known to whoever may describe the stack, and written in no template."""
    return Fn.select(2, Fn.split("/", Aws.STACK_ID))


def _suppress_wildcard(role: iam.Role, resource: Resource, arn: str) -> None:
    below = f"The names below {resource} are made at run time; the actions on them are named."
    suppress(role, f"IAM5[Resource::{_format_nag_arn(role, arn)}]", reason=_WILDCARD_REASONS.get(resource, below))


def _format_nag_arn(role: iam.Role, arn: str) -> str:
    """An ARN as cdk-nag writes it in a finding: references in angle brackets."""
    resolved = role.stack.resolve(arn)
    if isinstance(resolved, str):
        return resolved
    return "".join(part if isinstance(part, str) else _format_reference(part) for part in resolved["Fn::Join"][1])


def _format_reference(part: Mapping[str, str | Sequence[str]]) -> str:
    [(function, target)] = part.items()
    if function == "Ref":
        return f"<{target}>"
    return f"<{'.'.join(target)}>"
