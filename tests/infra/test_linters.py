"""cdk-nag and cfn-lint have no findings in the templates for AWS."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.source_tree import ROOT


def test_cdk_nag_has_no_finding_without_a_reason(cloud_assembly: Path, assembly_with_options: Path) -> None:
    for folder in (cloud_assembly, assembly_with_options):
        [report] = json.loads((folder / "validation-report.json").read_text())["pluginReports"]

        assert report["pluginName"] == "AwsSolutions"
        assert report["violations"] == []
        assert all(len(each["reason"]) > 20 for each in report["suppressedViolations"])


def test_cfn_lint_has_no_findings(cloud_assembly: Path, assembly_with_options: Path) -> None:
    program = Path(sys.executable).with_name("cfn-lint")
    templates = [folder / "Holdall.template.json" for folder in (cloud_assembly, assembly_with_options)]
    result = subprocess.run([program, *templates], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (result.stdout.strip(), result.returncode) == ("", 0)
