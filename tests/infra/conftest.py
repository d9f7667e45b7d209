"""Templates of both stages, made once, of empty assets: synth builds nothing here."""

import json
from dataclasses import replace
from pathlib import Path

import aws_cdk as cdk
import pytest

from infra.app import create_stack
from infra.build.assets import Assets
from infra.catalog import FUNCTIONS
from infra.stage import Stage
from tests.infra.template import Template

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def stages() -> dict[str, Stage]:
    """The stages of cdk.json."""
    given = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]
    return {name: Stage.from_context(name, given, port=4566) for name in given}


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    """Assets with nothing in them."""
    folder = tmp_path_factory.mktemp("assets")
    (folder / "nothing.txt").write_text("nothing")
    return Assets(
        layers=dict.fromkeys(("core", "deps", "imaging"), folder),
        functions={function.name: folder for function in FUNCTIONS},
        publisher=folder,
    )


@pytest.fixture(scope="session")
def cloud_assembly(stages: dict[str, Stage], assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cloud stage was synthesised to, nag's report included."""
    folder = tmp_path_factory.mktemp("cdk.out")
    _synth(stages["cloud"], assets, folder)
    return folder


@pytest.fixture(scope="session")
def cloud_template(stages: dict[str, Stage], cloud_assembly: Path) -> Template:
    """The template for AWS."""
    return _read_template(stages["cloud"], cloud_assembly)


@pytest.fixture(scope="session")
def local_template(stages: dict[str, Stage], assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template for the laptop."""
    folder = tmp_path_factory.mktemp("local.out")
    _synth(stages["local"], assets, folder)
    return _read_template(stages["local"], folder)


@pytest.fixture(scope="session")
def template_with_email(stages: dict[str, Stage], assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template for AWS of a stage whose alarms go to somebody, and whose letters come from somebody."""
    folder = tmp_path_factory.mktemp("email.out")
    stage = replace(stages["cloud"], alarm_email="ops@example.com", mail_sender="holdall@example.com")
    _synth(stage, assets, folder)
    return _read_template(stage, folder)


@pytest.fixture(scope="session")
def export_assembly(stages: dict[str, Stage], assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a stage for AWS that exports its audit table was synthesised to."""
    folder = tmp_path_factory.mktemp("export.out")
    _synth(replace(stages["cloud"], audit_export="on"), assets, folder)
    return folder


@pytest.fixture(scope="session")
def template_with_export(stages: dict[str, Stage], export_assembly: Path) -> Template:
    """Its template."""
    return _read_template(stages["cloud"], export_assembly)


def _synth(stage: Stage, assets: Assets, folder: Path) -> None:
    app = cdk.App(outdir=str(folder))
    create_stack(app, stage, assets)
    app.synth()


def _read_template(stage: Stage, folder: Path) -> Template:
    return Template(json.loads((folder / f"{stage.stack_name}.template.json").read_text()))
