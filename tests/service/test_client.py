from __future__ import annotations

import subprocess
import sys


def test_the_field_client_needs_only_the_base_install() -> None:
    program = """
import sys
for name in ("rasterio", "cv2", "openvino", "scipy", "sqlalchemy", "torch", "pydantic_settings",
             "cryptography", "minio", "mgrs", "shapely", "grpc_health", "grpc_reflection"):
    sys.modules[name] = None
import importlib
from service.cli.main import COMMANDS
for name in ("submit", "watch", "pledge", "position", "rule", "incident", "product"):
    importlib.import_module(COMMANDS[name][0].split(":")[0])
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr


def test_a_command_without_its_parts_says_what_to_install() -> None:
    program = """
import sys
sys.modules["pydantic_settings"] = None
from service.cli.main import main
sys.argv = ["vedette", "serve"]
main()
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 1
    assert 'pip install "vedette[service]"' in run.stderr
    assert "Traceback" not in run.stderr
