# ruff: noqa: INP001 - a tool beside the product, not a package
"""Turn a training result into the weight files that the catalogue ships.

It does what `vedette model add` does with weights, into a folder of the source tree: a child
process that has locked itself (`models.catalogue.inert_checkpoint`) reads the checkpoint, a pickle,
and OpenVINO IR is made of the numbers. A maintainer states the SHA-256 of the checkpoint that is
meant, and gets the hashes for the model card:

    python deploy/convert_weights.py vedette-n.pt --sha256 4b45e4... --into models/shipped/vedette-n
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from models.catalogue.conversion import convert
from models.errors import VedetteError


def main() -> None:
    """Write the files and print their hashes as the card's table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--sha256", required=True, help="hash of the checkpoint that is meant")
    parser.add_argument("--into", type=Path, required=True, help="folder of the model")
    parser.add_argument("--input-px", type=int, default=640, help="side of a tile, pixels")
    arguments = parser.parse_args()

    found = hashlib.sha256(arguments.checkpoint.read_bytes()).hexdigest()
    if found != arguments.sha256:
        sys.exit(f"{arguments.checkpoint.name}: SHA-256 is {found}, not {arguments.sha256}")
    arguments.into.mkdir(parents=True, exist_ok=True)
    try:
        converted = convert(
            arguments.checkpoint,
            arguments.into,
            arguments.into.name,
            input_px=arguments.input_px,
        )
    except VedetteError as error:
        sys.exit(str(error))
    print("[sha256]")  # noqa: T201 - the tool's answer
    for name, digest in sorted(converted.sha256.items()):
        print(f'"{name}" = "{digest}"')  # noqa: T201 - the tool's answer


if __name__ == "__main__":
    main()
