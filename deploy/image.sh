#!/bin/sh
# Builds the container image with buildah, which needs no daemon, and sees it answer its health
# check. Without a registry for the base image, the base is made by debootstrap.
#   TAG=localhost/vedette   name of the image
#   BASE=image              build on this image instead of one made here
#   KEEP=1                  leave the scratch folder (BUILD_DIR, default .build/image)
set -eu
cd "$(dirname "$0")/.."
tag=${TAG:-localhost/vedette}
work=${BUILD_DIR:-.build/image}

need() {
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update --quiet --quiet
        apt-get install --yes --quiet --no-install-recommends "$2" >/dev/null
    else
        echo "make image needs $1: as an administrator, apt-get install $2" >&2
        exit 1
    fi
}
need buildah buildah
mkdir -p "$work"
work=$(cd "$work" && pwd)
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
buildah_() { buildah --root "$work/storage" --runroot "$work/run" "$@"; }

if [ -z "${BASE:-}" ]; then
    BASE=localhost/base:bookworm
    if ! buildah_ inspect "$BASE" >/dev/null 2>&1; then
        need debootstrap debootstrap
        echo "making the base image with debootstrap (a minute) ..."
        rm -rf "$work/rootfs"
        debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
            bookworm "$work/rootfs" >"$work/debootstrap.log"
        base=$(buildah_ from scratch)
        buildah_ add --quiet "$base" "$work/rootfs" / >/dev/null
        buildah_ commit --quiet "$base" "$BASE" >/dev/null
        buildah_ rm "$base" >/dev/null
        rm -rf "$work/rootfs"
    fi
fi

# A machine behind its own certificate authority passes that trust on to the build, not the image.
# The docker format keeps the health check, which the OCI format has no place for.
set -- --format docker --build-arg "BASE=$BASE" --tag "$tag"
if [ -d /etc/ssl/certs ]; then
    set -- "$@" --volume /etc/ssl/certs:/etc/ssl/certs:ro
fi
echo "building $tag ..."
buildah_ build "$@" .

echo "starting it and asking for its health ..."
container=$(buildah_ from "$tag")
trap 'buildah_ rm "$container" >/dev/null 2>&1 || true' EXIT
# The container has its own files but, under chroot isolation, the host's network: any free port.
buildah_ run --user vedette "$container" -- sh -c '
    test "$(id -u)" = 10001
    ! command -v gcc cc
    VEDETTE_LISTEN=127.0.0.1:0 vedette serve >serve.log 2>&1 &
    serve=$!
    tries=0
    until vedette health; do
        tries=$((tries + 1))
        if [ "$tries" -ge 60 ] || ! kill -0 "$serve" 2>/dev/null; then
            cat serve.log >&2
            exit 1
        fi
        sleep 1
    done
    kill -TERM "$serve"
    wait "$serve"
'
echo "$tag answers its health check"
[ -n "${KEEP:-}" ] || rm -rf "$work/run"
