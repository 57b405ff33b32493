"""Run every benchmark; `make bench` calls this."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

BENCHMARKS = ("detection", "merging", "georeference", "ingest", "memory")


def main() -> int:
    """Run each benchmark in a process of its own and gather their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures of all of them here")
    parser.add_argument("--only", choices=BENCHMARKS, nargs="*", default=BENCHMARKS)
    arguments = parser.parse_args()
    figures = {}
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.only:
            print(f"\n== {name}", flush=True)
            target = Path(folder) / f"{name}.json"
            command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(target)]
            if subprocess.run(command, check=False).returncode:
                failed.append(name)
            elif target.exists():
                figures[name] = json.loads(target.read_text())
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
