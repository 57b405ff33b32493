"""The height of a camera over the ellipsoid and over the ground, from what was stated of it.

Three things may be known: a height over the ellipsoid or the sea, a height over the ground or
over the take-off, and the ground itself. Where they can be compared, they are: the height over
take-off tells which datum an absolute altitude can and cannot be in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from pipelines.geometry.elevation import DemTerrain, TerrainSource, datum_findings
from pipelines.geometry.heights import undulation_m
from pipelines.geometry.terrain import FlatTerrain, Terrain
from pipelines.outcome import Finding, Outcome, Severity
from pipelines.pose import HeightReference

DEM_SIGMA_M = 5.0
"""What a global elevation model is commonly off by."""

TAKE_OFF_RADIUS_M = 200.0
"""The take-off is taken to be about this near: the ground's relief there widens the height."""

GROUND_SLOPE_SIGMA = 0.02
"""Metres that ground assumed flat rises or falls for each metre away from the camera."""

_CONSISTENT_SIGMAS = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraHeight:
    """A height that was decided on, with the ground it is over.

    Attributes:
        hae_m: of the camera above the ellipsoid; in the terrain's own frame where `datum_sigma_m`
            is None.
        above_ground_m: over the ground below the camera; None where that is in a gap.
        vertical_sigma_m: one sigma of the camera's height over the terrain.
        datum_sigma_m: one sigma that camera and terrain are high or low by together; None where
            only a height above ground is known.
        slope_sigma: metres of further terrain error for each metre of horizontal distance.
        terrain: the ground.
        terrain_sigma_m: one sigma of what the terrain may be off by against the camera because
            nobody said what its heights are measured from.
        findings: what was assumed or contradicted.
    """

    hae_m: float
    above_ground_m: float | None
    vertical_sigma_m: float
    datum_sigma_m: float | None
    slope_sigma: float
    terrain: Terrain
    findings: tuple[Finding, ...]
    terrain_sigma_m: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlocatable:
    """Why no pixel of a frame has a place.

    Attributes:
        outcome: never LOCATED.
        findings: what a crew can do about it.
    """

    outcome: Outcome
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedHeights:
    """Everything that was stated of a camera's height.

    Attributes:
        latitude_deg: of the camera.
        longitude_deg: of the camera.
        absolute_m: over the ellipsoid or the sea; None when not told.
        absolute_reference: HAE or MSL; None when `absolute_m` is.
        absolute_sigma_m: one sigma of it.
        over_take_off_m: over the take-off; None when not told.
        above_ground_m: over the ground below; None when not told.
        relative_sigma_m: one sigma of the two last ones.
    """

    latitude_deg: float
    longitude_deg: float
    absolute_m: float | None = None
    absolute_reference: HeightReference | None = None
    absolute_sigma_m: float = 0.0
    over_take_off_m: float | None = None
    above_ground_m: float | None = None
    relative_sigma_m: float = 0.0

    @property
    def absolute_hae_m(self) -> float | None:
        """The absolute height above the ellipsoid."""
        if self.absolute_m is None or self.absolute_reference is HeightReference.HAE:
            return self.absolute_m
        return self.absolute_m + self.undulation_m

    @property
    def undulation_m(self) -> float:
        """Of the geoid at the camera."""
        return float(undulation_m(self.latitude_deg, self.longitude_deg))

    @property
    def above_flat_ground_m(self) -> float | None:
        """Height over ground that is taken to be flat."""
        return self.over_take_off_m if self.above_ground_m is None else self.above_ground_m


def decide_height(
    stated: StatedHeights, source: TerrainSource, *, ground_hae_m: float | None = None
) -> CameraHeight | Unlocatable:
    """Height and ground of a camera.

    Args:
        stated: what is known.
        source: elevation models.
        ground_hae_m: ground of this ellipsoidal height in place of any elevation model.
    """
    if ground_hae_m is not None:
        return _over_stated_ground(stated, ground_hae_m)
    terrain = source.near(stated.latitude_deg, stated.longitude_deg)
    findings = source.findings
    if terrain is not None:
        findings += datum_findings(terrain)
        ground = _ground_hae_m(terrain, stated)
        if ground is not None:
            return _checked(_over_dem(stated, terrain, ground), findings)
        findings += (
            _warning(
                "DEM_WITHOUT_COVERAGE",
                f"{terrain.label.removeprefix('dem:')} has no ground below the camera",
            ),
        )
        absolute = stated.absolute_hae_m
        if absolute is not None and stated.above_flat_ground_m is None:
            # Rays may still run into the part that is covered.
            return CameraHeight(
                hae_m=absolute,
                above_ground_m=None,
                vertical_sigma_m=stated.absolute_sigma_m,
                datum_sigma_m=0.0,
                slope_sigma=0.0,
                terrain=terrain,
                findings=findings,
                terrain_sigma_m=terrain.datum_sigma_m(stated.latitude_deg, stated.longitude_deg),
            )
    elif source.has_files:
        findings += (
            _warning("DEM_WITHOUT_COVERAGE", "no elevation model comes near to the camera"),
        )
    return _checked(_over_flat_ground(stated), findings)


def _warning(code: str, message: str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, message=message)


def _error(code: str, message: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message)


def _checked(
    decided: CameraHeight | Unlocatable, findings: tuple[Finding, ...]
) -> CameraHeight | Unlocatable:
    if isinstance(decided, Unlocatable):
        return replace(decided, findings=decided.findings + findings)
    together = replace(decided, findings=decided.findings + findings)
    if together.above_ground_m is not None and together.above_ground_m <= 0:
        return Unlocatable(
            outcome=Outcome.POSE_REJECTED,
            findings=(
                _error(
                    "CAMERA_BELOW_GROUND",
                    f"the stated height puts the camera {-together.above_ground_m:.0f} m below the "
                    "ground; check what it is measured from, or state a height above ground",
                ),
                *together.findings,
            ),
        )
    return together


def _ground_hae_m(terrain: DemTerrain, stated: StatedHeights) -> float | None:
    place = np.array([stated.latitude_deg]), np.array([stated.longitude_deg])
    height = float(terrain.height_m(*place)[0])
    return height if math.isfinite(height) else None


def _over_stated_ground(stated: StatedHeights, ground_hae_m: float) -> CameraHeight | Unlocatable:
    below, absolute = stated.above_flat_ground_m, stated.absolute_hae_m
    if below is not None:
        height, sigma = ground_hae_m + below, stated.relative_sigma_m
    elif absolute is not None:
        height, sigma = absolute, stated.absolute_sigma_m
    else:
        return _no_height()
    decided = CameraHeight(
        hae_m=height,
        above_ground_m=height - ground_hae_m,
        vertical_sigma_m=sigma,
        datum_sigma_m=0.0,
        slope_sigma=0.0,
        terrain=FlatTerrain(hae_m=ground_hae_m, label="flat:stated_height"),
        findings=(),
    )
    return _checked(decided, ())


def _no_height() -> Unlocatable:
    finding = _error(
        "GROUND_UNKNOWN",
        "the height over the ground is not known and no elevation model covers the place: give a "
        "folder of elevation models, or a pose with a height above ground",
    )
    return Unlocatable(outcome=Outcome.NO_HEIGHT, findings=(finding,))


def _over_flat_ground(stated: StatedHeights) -> CameraHeight | Unlocatable:
    """No elevation model: the ground is as far below as the relative height says, and flat."""
    below, absolute = stated.above_flat_ground_m, stated.absolute_hae_m
    if below is None:
        return _no_height()
    ground = 0.0 if absolute is None else absolute - below
    finding = Finding(
        code="GROUND_ASSUMED_FLAT",
        severity=Severity.NOTE,
        message="no elevation model covers the place: the ground is taken to be flat, "
        f"{below:.0f} m below the camera",
    )
    return CameraHeight(
        hae_m=ground + below,
        above_ground_m=below,
        vertical_sigma_m=stated.relative_sigma_m,
        datum_sigma_m=None if absolute is None else stated.absolute_sigma_m,
        slope_sigma=GROUND_SLOPE_SIGMA,
        terrain=FlatTerrain(hae_m=ground, label="flat:relative_height"),
        findings=(finding,),
    )


def _over_dem(
    stated: StatedHeights, terrain: DemTerrain, ground_hae_m: float
) -> CameraHeight | Unlocatable:
    unsure = terrain.datum_sigma_m(stated.latitude_deg, stated.longitude_deg)

    def from_the_ground(
        over_ground_m: float, vertical_sigma_m: float, *findings: Finding
    ) -> CameraHeight:
        # Whatever the model's heights are measured from, camera and ground are off together.
        return CameraHeight(
            hae_m=ground_hae_m + over_ground_m,
            above_ground_m=over_ground_m,
            vertical_sigma_m=vertical_sigma_m,
            datum_sigma_m=unsure,
            slope_sigma=0.0,
            terrain=terrain,
            findings=findings,
        )

    def by_itself(hae_m: float, terrain_sigma_m: float) -> CameraHeight:
        return CameraHeight(
            hae_m=hae_m,
            above_ground_m=hae_m - ground_hae_m,
            vertical_sigma_m=stated.absolute_sigma_m,
            datum_sigma_m=0.0,
            slope_sigma=0.0,
            terrain=terrain,
            findings=(),
            terrain_sigma_m=terrain_sigma_m,
        )

    absolute = stated.absolute_hae_m
    if stated.above_ground_m is not None:
        return from_the_ground(stated.above_ground_m, stated.relative_sigma_m)
    if stated.over_take_off_m is None:
        return _no_height() if absolute is None else by_itself(absolute, unsure)
    # The take-off is somewhere near; its ground differs from the ground here by the relief.
    relief = terrain.relief_m(stated.latitude_deg, stated.longitude_deg, TAKE_OFF_RADIUS_M)
    from_ground = ground_hae_m + stated.over_take_off_m
    sigma = math.hypot(stated.relative_sigma_m, relief)
    if absolute is None:
        return from_the_ground(stated.over_take_off_m, sigma)
    tolerance = _CONSISTENT_SIGMAS * math.hypot(sigma, stated.absolute_sigma_m, DEM_SIGMA_M)
    gap = absolute - from_ground
    if abs(gap) > tolerance:
        finding, sigma = _contradiction(stated, gap, tolerance, sigma)
        return from_the_ground(stated.over_take_off_m, sigma, finding)
    if stated.absolute_sigma_m < sigma:
        # Were the model's heights above the ellipsoid, the two would not agree.
        shift = terrain.ellipsoid_shift_m(stated.latitude_deg, stated.longitude_deg) or 0.0
        ruled_out = abs(gap + shift) > tolerance
        return by_itself(absolute, terrain.sea_level_sigma_m() if ruled_out else unsure)
    finding = Finding(
        code="HEIGHT_OVER_TAKE_OFF_TAKEN",
        severity=Severity.NOTE,
        message=f"the height over take-off is taken, from the elevation model; the absolute "
        f"altitude lies {abs(gap):.0f} m {'higher' if gap > 0 else 'lower'}",
    )
    return from_the_ground(stated.over_take_off_m, sigma, finding)


def _contradiction(
    stated: StatedHeights, gap_m: float, tolerance_m: float, sigma_m: float
) -> tuple[Finding, float]:
    """What an absolute altitude far from the height over take-off means, and the sigma then."""
    if stated.absolute_reference is HeightReference.HAE:
        said, other, other_gap = "HAE", "MSL", gap_m + stated.undulation_m
    else:
        said, other, other_gap = "MSL", "HAE", gap_m - stated.undulation_m
    taken = "the height over take-off is taken, from the elevation model"
    if abs(other_gap) <= tolerance_m:
        return _warning(
            "ALTITUDE_DATUM_CONTRADICTED",
            f"the altitude {stated.absolute_m:.0f} m cannot be {said}, {abs(gap_m):.0f} m from the "
            f"height over take-off; as {other} it is {abs(other_gap):.0f} m from it; {taken}",
        ), sigma_m
    # No datum explains it: the take-off lay higher or lower, or the altitude is wrong.
    return _warning(
        "ALTITUDE_IMPLAUSIBLE",
        f"the altitude {stated.absolute_m:.0f} m ({said}) is {abs(gap_m):.0f} m from the height "
        f"over take-off: the take-off lay on other ground, or the altitude is wrong; {taken}, with "
        "a wider error",
    ), math.hypot(sigma_m, min(abs(gap_m), abs(other_gap)) / 2)
