"""Versions of functions: every call goes to the alias `live`, so a release replaces code and layers at once."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from infra.app import create_stack
from infra.build.assets import Assets
from infra.catalog import FUNCTIONS
from infra.stage import Stage
from tests.infra.conftest import CONTEXT
from tests.infra.template import Template

# What names a function, and where. An expression without the alias fails in `called_function`.
_CALLERS: Mapping[str, tuple[str, ...]] = {
    "AWS::ApiGatewayV2::Integration": ("IntegrationUri",),
    "AWS::Lambda::EventInvokeConfig": ("Qualifier",),
    "AWS::Lambda::EventSourceMapping": ("FunctionName",),
    "AWS::Lambda::Permission": ("FunctionName",),
    "AWS::Scheduler::Schedule": ("Target", "Arn"),
}


def test_nothing_calls_a_function_without_its_alias(cloud_template: Template) -> None:
    called = {
        cloud_template.called_function(_get(properties, path))
        for resource_type, path in _CALLERS.items()
        for properties in cloud_template.properties(resource_type).values()
    }
    commands = cloud_template.body["Outputs"]["AuthFunction"]["Value"]

    functions = cloud_template.properties("AWS::Lambda::Function")
    assert {functions[name]["Handler"].split(".")[1] for name in called} == {each.name for each in FUNCTIONS}
    assert functions[cloud_template.called_function(commands)]["Handler"].split(".")[1] == "auth"


def test_a_version_is_kept_when_the_next_one_is_published(cloud_template: Template) -> None:
    versions = cloud_template.resources("AWS::Lambda::Version").values()

    assert len(versions) == len(FUNCTIONS)
    assert {version["UpdateReplacePolicy"] for version in versions} == {"Retain"}


def test_a_version_of_a_failed_deployment_is_not_kept(cloud_template: Template) -> None:
    versions = cloud_template.resources("AWS::Lambda::Version").values()

    assert {version["DeletionPolicy"] for version in versions} == {"RetainExceptOnCreate"}


def test_a_changed_line_of_the_shared_code_makes_a_new_version_of_every_function(
    cloud_template: Template, stages: dict[str, Stage], assets: Assets, tmp_path: Path
) -> None:
    changed = _changed_folder(tmp_path)
    with_other_core = _synth(stages["cloud"], dataclasses.replace(assets, layers={**assets.layers, "core": changed}))
    with_other_auth = _synth(
        stages["cloud"], dataclasses.replace(assets, functions={**assets.functions, "auth": changed})
    )

    before = _versions(cloud_template)
    assert before.keys() == {each.name for each in FUNCTIONS}
    assert _changed(before, _versions(with_other_core)) == before.keys()
    assert _changed(before, _versions(with_other_auth)) == {"auth"}


def _changed_folder(folder: Path) -> Path:
    (folder / "changed.py").write_text("changed = True\n")
    return folder


def _synth(stage: Stage, assets: Assets) -> Template:
    app = cdk.App(context=CONTEXT)
    stack = create_stack(app, stage, assets)
    return Template(app.synth().get_stack_by_name(stack.stack_name).template)


def _versions(template: Template) -> dict[str, str]:
    """Return the logical ID of the version of each function. CloudFormation publishes a version for each new ID."""
    functions = template.properties("AWS::Lambda::Function")
    return {
        functions[properties["FunctionName"]["Ref"]]["Handler"].split(".")[1]: name
        for name, properties in template.properties("AWS::Lambda::Version").items()
    }


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name, version in before.items() if after[name] != version}


def _get(properties: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        properties = properties[name]
    return properties
