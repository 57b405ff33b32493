"""The images of an evaluation: their pixels, the ground they show, and what a model finds there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.detections import Detections
from models.detector import DetectionParameters, Detector
from models.errors import InvalidInputError, UnreadableImageError
from models.evaluation.labels import LabelledImage, with_ground
from models.tiles.tile_plan import plan_unknown_scale
from service.cli.output import console


def look(
    detector: Detector, parameters: DetectionParameters, images: Sequence[LabelledImage]
) -> list[Detections]:
    """Detections of every image, with a progress bar on a terminal.

    Each is looked at as a photograph of unknown scale is, so that thresholds hold for those.
    """
    side, overlap = detector.identity.input_px, parameters.tile_overlap
    screen = console(stderr=True)
    with Progress(
        TextColumn("looking"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    ) as progress:
        task = progress.add_task("looking", total=len(images))
        found = []
        for pixels in _decoded(images):
            plan = plan_unknown_scale(pixels.shape[1], pixels.shape[0], side, overlap)
            found.append(detector.detect(pixels, parameters, plan))
            progress.advance(task)
    return found


def _decoded(images: Sequence[LabelledImage]) -> Iterator[NDArray[np.uint8]]:
    """The pixels of each image; the next is decoded meanwhile."""
    with ThreadPoolExecutor(1, thread_name_prefix="decode") as ahead:
        waiting = ahead.submit(read_pixels, images[0].path)
        for after in images[1:]:
            pixels = waiting.result()
            waiting = ahead.submit(read_pixels, after.path)
            yield pixels
        yield waiting.result()


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """An image file as (height, width, 3) RGB.

    Raises:
        InvalidInputError: it cannot be read, or is no image.
    """
    from pipelines.imagery.decode import read_image

    try:
        return read_image(path.read_bytes()).rgb
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}", field="dataset") from error
    except UnreadableImageError as error:
        raise UnreadableImageError(f"{path}: {error}", field="dataset") from error


def with_known_ground(
    images: Sequence[LabelledImage], gsd_m: float | None
) -> tuple[LabelledImage, ...]:
    """The images with the ground that they show, where anything tells it.

    A table beside the labels (`ground.tsv`) stands above the stated figure, and that above the
    metadata of the file.

    Args:
        images: as they were read.
        gsd_m: metres of ground for one pixel of every image, as stated; None where it is not.
    """
    return tuple(
        image
        if image.ground_km2 is not None
        else with_ground(image, gsd_m)
        if gsd_m is not None
        else _by_metadata(image)
        for image in images
    )


def _by_metadata(image: LabelledImage) -> LabelledImage:
    from pipelines.geometry.camera_height import Unlocatable
    from pipelines.geometry.camera_view import CameraView
    from pipelines.geometry.elevation import TerrainSource
    from pipelines.geometry.ground_extent import ground_extent
    from pipelines.geometry.viewpoint import find_viewpoint
    from pipelines.metadata.capture_reader import read_capture

    try:
        found = find_viewpoint(read_capture(image.path.read_bytes()), TerrainSource(None))
    except (OSError, UnreadableImageError):
        # Whether it can be read is told where its pixels are.
        return image
    if isinstance(found, Unlocatable):
        return image
    extent = ground_extent(CameraView(viewpoint=found), image.width_px, image.height_px)
    if extent is None:
        return image
    return with_ground(image, extent.gsd_m, extent.area_km2)
