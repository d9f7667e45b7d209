"""Templates of the stages. Assets are empty, so that synth builds nothing."""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from infra.app import create_stack
from infra.build.assets import Assets
from infra.catalog import FUNCTIONS
from infra.stage import Stage
from tests.infra.template import Template
from tests.support.source_tree import ROOT

CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]  # with CDK's feature flags
_OPTIONS = {
    "alarmEmail": "ops@example.com",
    "mailSender": "holdall@example.com",
    "mailIdentity": "domain",
    "auditExport": "on",
    "tracing": "on",
    "aliases": ["files.example.com", "media.example.com"],
    "edgeStore": {
        "endpoint": "https://minio.example.com",
        "publicEndpoint": "https://edge.example.com",
        "bucket": "holdall",
        "region": "us-east-1",
        "deleteAfterSync": "on",
        "syncSchedule": "cron(30 0 * * ? *)",
    },
    "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0123",
}


@pytest.fixture(scope="session")
def stages() -> dict[str, Stage]:
    """Read the stages of cdk.json."""
    return {name: Stage.load(name) for name in ("cloud", "local")}


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    folder = tmp_path_factory.mktemp("assets")
    (folder / "empty.txt").write_text("empty")
    return Assets(
        layers=dict.fromkeys(("core", "deps", "imaging"), folder),
        functions={function.name: folder for function in FUNCTIONS},
        publisher=folder,
    )


@pytest.fixture(scope="session")
def cloud_assembly(stages: dict[str, Stage], assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesize the stage `cloud`, with cdk-nag's report."""
    return _synth(stages["cloud"], assets, tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture(scope="session")
def cloud_template(stages: dict[str, Stage], cloud_assembly: Path) -> Template:
    return _read_template(stages["cloud"], cloud_assembly)


@pytest.fixture(scope="session")
def local_template(stages: dict[str, Stage], assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return _read_template(stages["local"], _synth(stages["local"], assets, tmp_path_factory.mktemp("local.out")))


@pytest.fixture(scope="session")
def assembly_with_options(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesize the stage `cloud` with everything that is off by default."""
    return _synth(Stage.load("cloud", overrides=_OPTIONS), assets, tmp_path_factory.mktemp("options.out"))


@pytest.fixture(scope="session")
def template_with_options(stages: dict[str, Stage], assembly_with_options: Path) -> Template:
    return _read_template(stages["cloud"], assembly_with_options)


def _synth(stage: Stage, assets: Assets, folder: Path) -> Path:
    app = cdk.App(outdir=str(folder), context=CONTEXT)
    create_stack(app, stage, assets)
    app.synth()
    return folder


def _read_template(stage: Stage, folder: Path) -> Template:
    return Template(json.loads((folder / f"{stage.stack_name}.template.json").read_text()))
