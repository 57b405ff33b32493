#!/bin/sh
# Sees that the shared libraries which the wheels link against are there, and installs them where
# this user may; otherwise says what an administrator must install. PYTHON names the interpreter.
set -eu
: "${PYTHON:?}"
if "$PYTHON" -c 'import cv2, rasterio, openvino' 2>/dev/null; then
    exit 0
fi
packages="libgl1 libglib2.0-0 libexpat1"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing the shared libraries that OpenCV and GDAL need: $packages"
    apt-get update --quiet --quiet
    # shellcheck disable=SC2086 # a list of packages
    apt-get install --yes --quiet --no-install-recommends $packages >/dev/null
fi
if ! "$PYTHON" -c 'import cv2, rasterio, openvino'; then
    echo "shared libraries are missing; as an administrator: apt-get install $packages" >&2
    exit 1
fi
