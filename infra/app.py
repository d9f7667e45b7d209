"""The CDK app: `cdk synth -c stage=local -c port=4566`. Needs no account."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.build import assets
from infra.build.packaging import BuildFailed
from infra.stack import HoldallStack
from infra.stage import DEFAULT_PORT, InvalidStage, Stage


def create_stack(app: cdk.App, stage: Stage, stack_assets: assets.Assets) -> HoldallStack:
    """Create the stack of a stage. In a stack for AWS, cdk-nag's findings are errors."""
    if stage.credentials == "bootstrap":
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    synthesizer = cdk.CliCredentialsStackSynthesizer() if stage.credentials == "cli" else cdk.DefaultStackSynthesizer()
    return HoldallStack(app, stage.stack_name, stage=stage, assets=stack_assets, synthesizer=synthesizer)


def main() -> None:
    app = cdk.App()
    try:
        stage = Stage.load(
            app.node.try_get_context("stage"),
            port=int(app.node.try_get_context("port") or DEFAULT_PORT),
            overrides=json.loads(app.node.try_get_context("overrides") or "{}"),
        )
        # Synth copies the assets to its output, so the folder is needed only until then.
        with TemporaryDirectory() as folder:
            create_stack(app, stage, assets.build(Path(__file__).parents[1], stage.layer_platform, Path(folder)))
            app.synth()
    except (InvalidStage, BuildFailed) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
