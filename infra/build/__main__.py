"""`python -m infra.build {lambda,host}`: build the layers without a deployment."""

import argparse
import sys
from pathlib import Path
from typing import get_args

from infra.build import layers, packaging


def main() -> None:
    parser = argparse.ArgumentParser(prog="infra.build", description=__doc__)
    parser.add_argument("platform", choices=get_args(packaging.Platform))
    try:
        built = layers.build(Path(__file__).parents[2], parser.parse_args().platform)
    except packaging.BuildFailed as failure:
        sys.exit(str(failure))
    for name, folder in built.items():
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        sys.stdout.write(f"{name:10} {size / 2**20:6.1f} MiB  {folder}\n")


if __name__ == "__main__":
    main()
