from pathlib import Path

import pytest

from tests.support.image_renderer import ImageFactory


@pytest.fixture(scope="session")
def image_factory(tmp_path_factory: pytest.TempPathFactory) -> ImageFactory:
    folder: Path = tmp_path_factory.mktemp("studio")
    return ImageFactory(folder)
