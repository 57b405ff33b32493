"""The engine calls nobody."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_engine_starts_no_telemetry() -> None:
    code = (
        "import models.engines.openvino_engine, sys, threading\n"
        "loaded = [name for name in sys.modules if name.startswith('openvino_telemetry.')]\n"
        "print(loaded, threading.active_count())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "1"]
