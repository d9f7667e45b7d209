from pathlib import Path

import pytest

from tests.unit.imageproc.studio import Studio


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder: Path = tmp_path_factory.mktemp("studio")
    return Studio(folder)
