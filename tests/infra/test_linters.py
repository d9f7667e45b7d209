"""cdk-nag and cfn-lint look at the template for AWS."""

import json
import subprocess
import sys
from pathlib import Path

from tests.infra.conftest import ROOT


def test_nag_finds_nothing_that_has_no_reason(cloud_assembly: Path, export_assembly: Path) -> None:
    for folder in (cloud_assembly, export_assembly):
        [report] = json.loads((folder / "validation-report.json").read_text())["pluginReports"]

        assert report["pluginName"] == "AwsSolutions"
        assert report["violations"] == []
        assert all(len(one["reason"]) > 20 for one in report["suppressedViolations"])


def test_cfn_lint_finds_nothing(cloud_assembly: Path, export_assembly: Path) -> None:
    program = Path(sys.executable).with_name("cfn-lint")
    templates = [folder / "Holdall.template.json" for folder in (cloud_assembly, export_assembly)]
    found = subprocess.run([program, *templates], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (found.stdout.strip(), found.returncode) == ("", 0)
