"""`python -m infra.build [lambda|host]`: build the layers, by themselves."""

import sys
from pathlib import Path
from typing import get_args

from infra.build import layers


def main(arguments: list[str]) -> int:
    machine = arguments[0] if arguments else "host"
    if machine not in get_args(layers.Platform):
        sys.stderr.write(f"Build for one of {', '.join(get_args(layers.Platform))}, not {machine!r}.\n")
        return 2
    try:
        built = layers.build(Path(__file__).parents[2], "lambda" if machine == "lambda" else "host")
    except layers.BuildFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    for folder in built.values():
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        sys.stdout.write(f"{folder.name:10} {size / 2**20:6.1f} MiB  {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
