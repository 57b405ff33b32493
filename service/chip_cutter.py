"""Cuts the chips of hard negatives, where originals are decoded anyway: in worker processes."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from models.errors import UnreadableImageError, VedetteError
from pipelines.products.chip import cut_chip
from service.errors import UnavailableError
from service.ledger.records import CutChip, HardNegativeRecord, ImageryRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, chip_key

_LOG = logging.getLogger("vedette.chips")
_LOOK_EVERY_S = 1.0

Original = Callable[[ImageryRecord], AbstractContextManager[tuple[bytes, Path | None]]]


class ChipCutter:
    """Cuts what dismissals left to be cut; any number of cutters share one ledger.

    What is to be cut stands in the ledger since the dismissal itself, and a chip is the same bytes
    under the same key whoever cuts it: a kill at any point loses nothing and doubles nothing.

    Args:
        ledger: where the hard negatives are.
        objects: where chips go.
        original: gives the bytes of imagery, or a local copy of it.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore, original: Original) -> None:
        self._ledger = ledger
        self._objects = objects
        self._original = original

    def run(self, stop: threading.Event) -> None:
        """Cut until told to stop."""
        while not stop.is_set():
            try:
                cut = self.cut_one()
            except UnavailableError as error:
                _LOG.warning("waiting: %s", error)
                cut = False
            if not cut:
                stop.wait(_LOOK_EVERY_S)

    def cut_one(self) -> bool:
        """Cut the oldest chip that is missing; False where none is.

        Raises:
            UnavailableError: the ledger or the object store does not answer; it is cut later.
        """
        negative = self._ledger.next_uncut()
        if negative is None:
            return False
        try:
            chip = self._cut(negative)
        except UnavailableError:
            raise
        except UnreadableImageError as error:
            self._fail(negative, str(error), retry=False)
        except VedetteError as error:
            self._fail(negative, str(error), retry=True)
        except Exception as error:  # noqa: BLE001 - logged, and noted as the failure of the chip
            _LOG.exception("chip of %s: unexpected failure", negative.incident_id)
            self._fail(negative, f"unexpected failure ({type(error).__name__})", retry=True)
        else:
            self._ledger.note_chip(negative, chip)
        return True

    def _cut(self, negative: HardNegativeRecord) -> CutChip:
        image = self._ledger.get_imagery(negative.mission_id, negative.imagery_id)
        with self._original(image) as (data, path):
            chip = cut_chip(data, negative.xyxy, path=path)
        sha256 = hashlib.sha256(chip.jpeg).hexdigest()
        key = chip_key(negative.mission_id, negative.incident_id, sha256)
        self._objects.put_verified(key, chip.jpeg, sha256=sha256, content_type="image/jpeg")
        # A recorded chip survives a power cut, like its record.
        self._objects.settle()
        return CutChip(
            left_px=chip.left_px,
            top_px=chip.top_px,
            width_px=chip.width_px,
            height_px=chip.height_px,
            object_key=key,
            size_bytes=len(chip.jpeg),
            sha256=sha256,
        )

    def _fail(self, negative: HardNegativeRecord, failure: str, *, retry: bool) -> None:
        _LOG.warning("chip of %s: %s", negative.incident_id, failure)
        self._ledger.fail_chip(negative, failure, retry=retry)
