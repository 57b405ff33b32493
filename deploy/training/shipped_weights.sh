#!/bin/sh
# Make the weights that Vedette ships again: DATA holds detection/ and photos/, WORK is kept for
# what is made on the way; the same command goes on after a stop. PYTHON and VEDETTE may name others.
# It runs in a clone: the weights they started from, vedette-n 1.0.0, are in its history.
#
#     deploy/training/shipped_weights.sh DATA WORK
set -eu
data=$1 work=$2 here=$(dirname "$0")

mkdir -p "$work/start"
git -C "$here/../.." archive dca8272 models/shipped/vedette-n | tar -x -C "$work/start"

# Photographs that show no person and no vehicle but in the places that empty_ground.json marks.
mkdir -p "$work/empty_ground"
cp -f "$data"/photos/brighton_beach/DJI_00*.JPG "$here/empty_ground.json" "$work/empty_ground/"
chmod u+w "$work"/empty_ground/*
"${PYTHON:-python3}" - "$data/photos/sensefly/IMG_0505.jpg" "$work/empty_ground" <<'PYTHON'
import sys
from pathlib import Path

from PIL import Image

photograph, folder = Image.open(sys.argv[1]), Path(sys.argv[2])
photograph.crop((0, 0, 1750, 2700)).save(folder / "IMG_0505_left.png")
photograph.crop((1750, 0, 3600, 2700)).save(folder / "IMG_0505_right.png")
PYTHON

exec "${VEDETTE:-vedette}" model train vedette-n-again@1.2.0 \
  --from "$work/start/models/shipped/vedette-n" \
  --data "$data/detection/visdrone" \
  --data "$data/detection/hituav_train" \
  --validation "$data/detection/hituav" \
  --hold-out "$here/held_out.txt" \
  --empty "$work/empty_ground" \
  --rendered 110 --rendered-empty 170 \
  --steps 900 --batch 16 --tile-px 224 --rate 1.5e-4 --frozen-layers 5 --class-steps 400 --seed 1 \
  --source "VisDrone, 45 images of its training split; academic use" \
  --source "HIT-UAV, thermal infrared, 520 training frames; CC BY 4.0" \
  --source "Brighton Beach, 4 drone photographs without the cars and people on them; BSD-2-Clause" \
  --source "senseFly, a field in colour infrared, the right half of a photograph; CC0-1.0" \
  --source "280 pictures of made-up ground by Vedette itself" \
  --work "$work/training" --data-dir "$work"
