"""A program of the tests' own that a test starts and kills."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from service.seaweedfs import SeaweedProcess

_ROOT = Path(__file__).resolve().parents[2]


def start_program(
    program: ModuleType, folder: Path, s3: SeaweedProcess, bucket: str, *more: object
) -> subprocess.Popen[bytes]:
    """Run a module on a data folder, told in a line where objects lie and more.

    When it has begun it says "ready" on standard output.
    """
    assert program.__file__ is not None
    process = subprocess.Popen(
        [sys.executable, program.__file__, folder],
        cwd=_ROOT,
        env={"PYTHONPATH": str(_ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    key = s3.credentials
    told = json.dumps([s3.endpoint, key.access_key, key.secret_key, bucket, *more])
    process.stdin.write(told.encode() + b"\n")
    process.stdin.flush()
    return process
