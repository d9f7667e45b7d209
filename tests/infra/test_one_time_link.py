"""One-time links sign in without a password, so no stage has their page. Only `make demo` puts it into the local bucket."""

from pathlib import Path

import pytest

from infra.build import site
from infra.local.one_time_link import PAGE_DIR
from tests.infra.template import Template
from tests.support.source_tree import ROOT


def test_page_of_one_time_links_is_in_no_template_and_no_build_of_the_console(
    cloud_assembly: Path, cloud_template: Template, local_template: Template
) -> None:
    names = {file.name for file in PAGE_DIR.iterdir()}
    assert names == {"sign-in.html", "sign-in.js"}

    built = {file.name for folder in (site.build(ROOT).folder, cloud_assembly) for file in folder.rglob("*")}
    assert names & built == set()
    for template in (cloud_template, local_template):
        assert not any(name in str(template.body) for name in (*names, "one_time_link"))


@pytest.mark.parametrize("folder", ["functions", "layers", "web/src", "web/static"])
def test_no_code_that_a_stage_runs_knows_one_time_links(folder: str) -> None:
    files = [file for file in (ROOT / folder).rglob("*") if file.suffix in {".py", ".ts", ".svelte", ".js", ".html"}]

    assert files
    assert [file for file in files if "local/sign-in" in file.read_text() or "one_time_link" in file.read_text()] == []
