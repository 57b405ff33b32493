#!/bin/sh
# Writes the lock files anew from pyproject.toml: exact versions with hashes. Run by `make lock`.
set -eu
cd "$(dirname "$0")/.."
compile() { uv pip compile --quiet --generate-hashes --no-header --python-version 3.11 "$@"; }
compile --extra service --extra evaluate --extra quantise --extra report --extra postgresql --extra ultralytics \
    --group check --group test --group bench \
    pyproject.toml --output-file deploy/locks/test.txt
# The smaller sets take the versions of the largest, so that each installs on top of the other.
sed -E 's/ \\$//; /^    --hash/d' deploy/locks/test.txt > deploy/locks/.constraints
trap 'rm -f deploy/locks/.constraints' EXIT
compile --constraint deploy/locks/.constraints --no-annotate --extra service --extra report \
    pyproject.toml --output-file deploy/locks/service.txt
compile --constraint deploy/locks/.constraints --no-annotate \
    pyproject.toml --output-file deploy/locks/client.txt
