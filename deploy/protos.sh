#!/bin/sh
# Generates the stubs of protos/vedette/v1 ("write"), or compares them with what is committed
# ("check"). BIN names the environment's bin folder.
set -eu
cd "$(dirname "$0")/.."
: "${BIN:?}"
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
PATH="$(cd "$BIN" && pwd):$PATH" python -m grpc_tools.protoc -Iprotos \
    --python_out="$target" --pyi_out="$target" --grpc_python_out="$target" \
    --mypy_grpc_out="quiet:$target" protos/vedette/v1/*.proto
case "${1:-}" in
write)
    find protos/vedette/v1 -name '*_pb2*' -delete
    cp "$target"/vedette/v1/* protos/vedette/v1/
    ;;
check)
    if ! diff -r --exclude='*.proto' --exclude='__*' "$target/vedette/v1" protos/vedette/v1; then
        echo "the committed stubs differ from their .proto files: run 'make protos'" >&2
        exit 1
    fi
    ;;
*)
    echo "usage: protos.sh write|check" >&2
    exit 2
    ;;
esac
