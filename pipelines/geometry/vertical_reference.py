"""What the heights of an elevation model are measured from, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyproj

from pipelines.geometry.heights import EGM96_EPSG, EGM2008_EPSG, has_grid

OTHER_SEA_LEVEL_SIGMA_M = 1.5
"""One sigma of another sea level (EGM2008, a national datum) that is read as EGM96.

EGM2008 and EGM96 lie 0.5 m apart in the global mean and one to two metres, at worst ten, where
EGM96 had few measurements (N. K. Pavlis and others, "The development and evaluation of EGM2008",
Journal of Geophysical Research 117 (2012)); national sea levels differ from both by as much.
"""

ELLIPSOID_CHANCE = 0.1
"""Chance that a model which does not name its datum is one of heights above the ellipsoid."""


class DemDatum(StrEnum):
    """What a user may say that elevation models are measured from."""

    EGM96 = "egm96"
    EGM2008 = "egm2008"
    ELLIPSOID = "ellipsoid"


@dataclass(frozen=True, kw_only=True, slots=True)
class VerticalReference:
    """What the heights of a model are measured from.

    Attributes:
        epsg: vertical reference by which they are read; None for heights above the ellipsoid.
        metres: metres in one unit of them.
        assumed: nobody said, or what was said cannot be converted here.
        stated: what the file or the user said; empty when nothing.
        sigma_m: one sigma of what the sea level they are read by may be off by.
    """

    epsg: int | None
    metres: float
    assumed: bool
    stated: str
    sigma_m: float = 0.0

    @property
    def may_be_ellipsoid(self) -> bool:
        """Nobody said anything, so they might be heights above the ellipsoid."""
        return self.assumed and not self.stated


def vertical_reference(
    crs: pyproj.CRS, stated: DemDatum | None = None, *, by_format: bool = False
) -> VerticalReference:
    """What the heights of a model are measured from.

    Args:
        crs: of the file, which goes before anything else where it names a vertical reference.
        stated: by the user.
        by_format: the format itself prescribes EGM96 (SRTM, DTED).
    """
    if crs.is_compound:
        vertical = crs.sub_crs_list[1]
        metres = vertical.axis_info[0].unit_conversion_factor if vertical.axis_info else 1.0
        epsg = vertical.to_epsg()
        if epsg is None:
            named = vertical.name.upper().replace(" ", "")
            epsg = EGM2008_EPSG if "EGM2008" in named else EGM96_EPSG if "EGM96" in named else None
        return _sea_level(epsg, metres, vertical.name)
    if crs.is_geographic and len(crs.axis_info) == 3:
        metres = crs.axis_info[2].unit_conversion_factor
        return VerticalReference(
            epsg=None, metres=metres, assumed=False, stated="height above the ellipsoid"
        )
    if stated is DemDatum.ELLIPSOID:
        return VerticalReference(epsg=None, metres=1.0, assumed=False, stated="the ellipsoid")
    if stated is DemDatum.EGM2008:
        return _sea_level(EGM2008_EPSG, 1.0, "EGM2008")
    if stated is DemDatum.EGM96 or by_format:
        return VerticalReference(epsg=EGM96_EPSG, metres=1.0, assumed=False, stated="EGM96")
    return VerticalReference(
        epsg=EGM96_EPSG, metres=1.0, assumed=True, stated="", sigma_m=OTHER_SEA_LEVEL_SIGMA_M
    )


def _sea_level(epsg: int | None, metres: float, name: str) -> VerticalReference:
    known = epsg is not None and has_grid(epsg)
    return VerticalReference(
        epsg=epsg if known else EGM96_EPSG,
        metres=metres,
        assumed=not known,
        stated=name,
        sigma_m=0.0 if known else OTHER_SEA_LEVEL_SIGMA_M,
    )
