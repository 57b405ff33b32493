"""The choice of a detector for a frame, and a shadow beside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.catalogue.model_card import Modality
from models.detections import Detections
from models.detector import DetectionParameters, DetectorIdentity, WindowSearch
from models.errors import EngineError, EngineGoneError
from models.evaluation.comparison import CategoryAgreement
from pipelines.assess import assess
from pipelines.assessment import Assessment, AssessmentRequest, Provenance
from pipelines.detectors import Detectors, Shadow, not_opened
from pipelines.geometry.elevation import TerrainSource


@dataclasses.dataclass
class Fixed:
    """Sees one box of a category, or fails."""

    name: str
    category: str = "car"
    error: Exception | None = None

    @property
    def identity(self) -> DetectorIdentity:
        return DetectorIdentity(
            name=self.name,
            engine="test",
            sha256={},
            categories=("person", "car"),
            input_px=640,
            version="1",
        )

    def detect(
        self, image: NDArray[np.uint8], parameters: DetectionParameters, plan: Any = None
    ) -> Detections:
        del image, parameters, plan
        if self.error is not None:
            raise self.error
        return Detections(
            xyxy=np.array([[10, 10, 40, 40]], np.float32),
            confidence=np.array([0.9], np.float32),
            class_id=np.array([self.identity.categories.index(self.category)], np.int32),
        )

    def detect_windows(self, source: Any, parameters: Any, plan: Any = None) -> WindowSearch:
        raise NotImplementedError


def look(path: Path, detectors: Any, imagery_id: str = "i-1") -> Assessment:
    return assess(
        AssessmentRequest(
            provenance=Provenance(
                mission_id="m",
                pledge_id="p",
                contributor="SWE",
                sortie_id="s",
                imagery_id=imagery_id,
                file_name=path.name,
                sha256="0" * 64,
                marking="UNCLASSIFIED",
            ),
            data=path.read_bytes(),
            stated_pose=None,
            stated_captured_at=None,
            positions=(),
            rules=(),
            parameters=DetectionParameters(),
            software_version="test",
        ),
        detector=detectors,
        terrain=TerrainSource(None),
    )


def told(found: Assessment) -> dict[str, str]:
    return {finding.code: finding.message for finding in found.capture.findings}


@pytest.fixture
def thermal_frame(data_dir: Path) -> Path:
    return next(iter(sorted((data_dir / "detection" / "hituav" / "images").iterdir())))


@pytest.fixture
def visible_frame(data_dir: Path) -> Path:
    return next(iter(sorted((data_dir / "detection" / "aerial_cars" / "images").iterdir())))


def test_each_frame_is_looked_at_by_the_model_for_its_light_and_says_so(
    thermal_frame: Path, visible_frame: Path
) -> None:
    detectors = Detectors(visible=Fixed("day"), thermal=Fixed("night", "person"))
    night, day = look(thermal_frame, detectors), look(visible_frame, detectors)
    assert (night.detector.label, night.categories) == ("night@1", ("person",))
    assert "by its pixels: one channel" in told(night)["THERMAL_FRAME"]
    assert told(night)["THERMAL_FRAME"].endswith("looked at by night@1")
    assert (day.detector.label, day.categories) == ("day@1", ("car",))
    assert told(day)["VISIBLE_FRAME"] == "visible light, by its pixels; looked at by day@1"
    assert night.shadow is None


def test_where_one_model_does_both_only_thermal_is_worth_telling(
    thermal_frame: Path, visible_frame: Path
) -> None:
    one = Fixed("both")
    assert look(thermal_frame, one).detector.label == "both@1"
    assert "THERMAL_FRAME" in told(look(thermal_frame, one))
    assert "VISIBLE_FRAME" not in told(look(visible_frame, Detectors(visible=one, thermal=one)))


def test_a_shadow_is_compared_and_changes_nothing_else(visible_frame: Path) -> None:
    alone = look(visible_frame, Detectors(visible=Fixed("day")))
    shadow = Shadow(detector=Fixed("trial", "person"), modality=Modality.BOTH)
    both = look(visible_frame, Detectors(visible=Fixed("day"), shadow=shadow))
    assert both.shadow is not None
    assert both.shadow.detector.label == "trial@1"
    assert both.shadow.categories == ("person",)
    assert both.shadow.agreement == {
        "car": CategoryAgreement(active=1, recategorised=1),
        "person": CategoryAgreement(shadow=1),
    }
    assert [product.data for product in both.products] == [
        product.data for product in alone.products
    ]
    assert both.sightings == alone.sightings
    assert told(both) == told(alone)


@pytest.mark.parametrize("error", [EngineError("broken"), EngineGoneError("hangs")])
def test_a_shadow_that_fails_is_a_result_and_no_fault_of_the_frame(
    visible_frame: Path, error: Exception
) -> None:
    shadow = Shadow(detector=Fixed("trial", error=error), modality=Modality.VISIBLE)
    found = look(visible_frame, Detectors(visible=Fixed("day"), shadow=shadow))
    assert len(found.detections) == 1
    assert found.shadow is not None
    assert found.shadow.failure == str(error)
    with pytest.raises(EngineError):
        look(visible_frame, Fixed("day", error=error))


def test_a_shadow_sees_frames_of_its_light_and_its_share_of_them(
    thermal_frame: Path, visible_frame: Path
) -> None:
    shadow = Shadow(detector=Fixed("trial"), modality=Modality.THERMAL)
    detectors = Detectors(visible=Fixed("day"), shadow=shadow)
    assert look(visible_frame, detectors).shadow is None
    assert look(thermal_frame, detectors).shadow is not None
    tenth = Shadow(detector=Fixed("trial"), modality=Modality.BOTH, share=0.1)
    names = [f"i-{number}" for number in range(4000)]
    drawn = [tenth.looks_at(name, Modality.VISIBLE) for name in names]
    # Four standard deviations of 4,000 draws.
    assert abs(np.mean(drawn) - 0.1) < 4 * (0.09 / 4000) ** 0.5
    assert drawn == [tenth.looks_at(name, Modality.VISIBLE) for name in names]
    everything = Shadow(detector=Fixed("trial"), modality=Modality.BOTH)
    assert all(everything.looks_at(name, Modality.THERMAL) for name in names)


def test_what_shall_be_told_of_every_frame_is(visible_frame: Path) -> None:
    finding = not_opened("new@2", "new.bin cannot be read", "day@1")
    found = look(visible_frame, Detectors(visible=Fixed("day"), findings=(finding,)))
    assert told(found)["MODEL_NOT_OPENED"].startswith("the model in force, new@2, could not be")
