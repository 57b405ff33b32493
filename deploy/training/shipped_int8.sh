#!/bin/sh
# Make the graph of eight bits that is shipped beside the floats, and measure both: DATA holds
# detection/ and photos/, WORK is made. The files and the card of MODEL, by default those of
# models/shipped, are replaced where no group of objects loses more than 0.015 of average precision
# (MOST_LOST). PYTHON and VEDETTE may name others.
#
#     deploy/training/shipped_int8.sh DATA WORK [MODEL]
set -eu
data=$(realpath "$1") work=$2
model=$(realpath "${3:-$(dirname "$0")/../../models/shipped/vedette-n}")
mkdir "$work"

# Ranges are set by thermal training frames, by the first half of VisDrone by file name, and by
# photographs of empty ground; what is measured is all of VisDrone, and sets that set no range.
"${PYTHON:-python3}" - "$data" "$work" <<'PYTHON'
import sys
from pathlib import Path

data, work = Path(sys.argv[1]), Path(sys.argv[2])
images = sorted((data / "detection/visdrone/images").iterdir())
visible = images[: len(images) // 2]
visible += sorted((data / "photos/brighton_beach").glob("DJI_00*.JPG"))
(work / "visible").mkdir()
for file in visible:
    (work / "visible" / file.name).symlink_to(file)
cars = work / "aerial_cars"
cars.mkdir()
for folder in ("images", "labels"):
    (cars / folder).symlink_to(data / "detection/aerial_cars" / folder)
# The set numbers four classes without naming them.
(cars / "classes.txt").write_text("vehicle\n" * 4, "utf-8")
PYTHON

"${VEDETTE:-vedette}" model quantise --model "$model" \
  --images "$work/visible" --images "$data/detection/hituav_train/images" --tiles 300 --seed 1 \
  --validate "$data/detection/visdrone" --validate "$work/aerial_cars" \
  --validate "$data/detection/hituav" --most-lost "${MOST_LOST:-0.015}" \
  --version "$(sed -n 's/^version = "\(.*\)"$/\1/p' "$model/card.toml")" \
  --output "$work/vedette-n"
cp "$work"/vedette-n/* "$model/"
