"""The CDK app: `cdk synth -c stage=local -c port=4566`. Needs no account."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.build import assets
from infra.build.layers import BuildFailed
from infra.stack import HoldallStack
from infra.stage import DEFAULT_PORT, BadStage, Stage


def stack_of(app: cdk.App, stage: Stage, made: assets.Assets) -> HoldallStack:
    """The stack of a stage, with the findings of cdk-nag as errors where it is made for AWS."""
    if stage.credentials == "bootstrap":
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    synthesizer = cdk.CliCredentialsStackSynthesizer() if stage.credentials == "cli" else cdk.DefaultStackSynthesizer()
    return HoldallStack(app, stage.stack_name, stage=stage, assets=made, synthesizer=synthesizer)


def main() -> None:
    app = cdk.App()
    try:
        stage = Stage.named(
            app.node.try_get_context("stage"),
            app.node.try_get_context("stages"),
            port=int(app.node.try_get_context("port") or DEFAULT_PORT),
            but=json.loads(app.node.try_get_context("but") or "{}"),
        )
        # CDK copies assets to its output as it meets them, so ours need not stay.
        with TemporaryDirectory() as folder:
            stack_of(app, stage, assets.build(Path(__file__).parents[1], stage.layers, Path(folder)))
            app.synth()
    except (BadStage, BuildFailed) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
