"""Elevation models as one field of heights above the ellipsoid."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import InvalidInputError
from pipelines.geometry.elevation_file import ElevationFile
from pipelines.geometry.elevation_sheet import (
    ElevationSheet,
    TileCache,
    bilinear,
    sheets_of,
    window,
)
from pipelines.geometry.elevation_store import (
    ElevationRaster,
    ObjectReader,
    rasters_in_folder,
    rasters_of_objects,
)
from pipelines.geometry.geodesy import metres_per_degree
from pipelines.geometry.heights import undulation_m
from pipelines.geometry.ray_crossing import every_crossing, meet_field
from pipelines.geometry.ray_march import PostGrid
from pipelines.geometry.terrain import Crossings
from pipelines.geometry.vertical_reference import ELLIPSOID_CHANCE, DemDatum
from pipelines.outcome import Finding, Severity

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class DemTerrain:
    """Elevation models as one terrain, the finest first.

    Attributes:
        label: for example "dem:srtm.tif".
        sheets: finest posts first.
        cache: of their tiles.
    """

    label: str
    sheets: tuple[ElevationSheet, ...]
    cache: TileCache = field(default_factory=TileCache)

    @property
    def post_m(self) -> float:
        """Distance of the closest posts."""
        return min(sheet.post_m for sheet in self.sheets)

    @property
    def lowest_m(self) -> float:
        """No height is lower."""
        return min(sheet.extremes_m[0] for sheet in self.sheets)

    @property
    def highest_m(self) -> float:
        """No height is higher."""
        return max(sheet.extremes_m[1] for sheet in self.sheets)

    def height_m(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Heights (N,) above the ellipsoid, bilinear; NaN in a gap and outside."""
        heights = np.full(len(latitude_deg), np.nan)
        open_ = np.arange(len(latitude_deg))
        for sheet in self.sheets:
            column, row = sheet.grid_of(latitude_deg[open_], longitude_deg[open_])
            within = sheet.inside(column, row)
            if within.any():
                members = open_[within]
                heights[members] = bilinear(sheet, self.cache, column[within], row[within])
            open_ = open_[np.isnan(heights[open_])]
            if not open_.size:
                break
        return heights

    def plane(self, latitude_deg: Floats, longitude_deg: Floats) -> tuple[Floats, Floats]:
        """The grid of the only sheet, else degrees; see `ray_march.HeightField`."""
        if len(self.sheets) == 1:
            return self.sheets[0].grid_of(latitude_deg, longitude_deg)
        # Degrees without a jump of a turn between neighbours.
        turns = np.round((longitude_deg - longitude_deg[:1]) / 360.0)
        return latitude_deg, longitude_deg - 360.0 * turns

    def plane_height_m(self, u: Floats, v: Floats) -> Floats:
        """Heights (N,) at coordinates of `plane`; NaN in a gap and outside."""
        if len(self.sheets) > 1:
            return self.height_m(u, v)
        (sheet,) = self.sheets
        within = sheet.inside(u, v)
        if within.all():
            return bilinear(sheet, self.cache, u, v)
        heights = np.full(len(u), np.nan)
        if within.any():
            heights[within] = bilinear(sheet, self.cache, u[within], v[within])
        return heights

    @property
    def grids(self) -> tuple[ElevationSheet, ...]:
        """The sheets as grids of posts."""
        return self.sheets

    def posts(
        self, grid: PostGrid, column: int, row: int, width: int, height: int
    ) -> NDArray[np.float32]:
        """Heights (height, width) of posts of a sheet; NaN in gaps."""
        sheet = next(sheet for sheet in self.sheets if sheet is grid)
        return window(sheet, self.cache, column, row, width, height)

    def files_around(self, lonlat_deg: Floats) -> tuple[ElevationFile, ...]:
        """The files, by name, whose bounds touch the box around places (N, 2) in degrees."""
        if not len(lonlat_deg):
            return ()
        first = lonlat_deg[0, 0]
        # Across the antimeridian a box is counted on from its first place.
        longitude = first + (lonlat_deg[:, 0] - first + 180.0) % 360.0 - 180.0
        low, high = float(longitude.min()), float(longitude.max())
        south, north = float(lonlat_deg[:, 1].min()), float(lonlat_deg[:, 1].max())
        found = []
        for file in (file for sheet in self.sheets for file in sheet.files):
            west, bottom, east, top = file.bounds_deg
            turn = 360.0 * round(((low + high) - (west + east)) / 720.0)
            if west + turn <= high and east + turn >= low and bottom <= north and top >= south:
                found.append(file)
        return tuple(sorted(found, key=lambda file: file.raster.name))

    def covers(self, latitude_deg: Floats, longitude_deg: Floats) -> NDArray[np.bool_]:
        """Whether places (N,) lie inside the bounds of a sheet."""
        covered = np.zeros(len(latitude_deg), np.bool_)
        for sheet in self.sheets:
            covered |= sheet.inside(*sheet.grid_of(latitude_deg, longitude_deg))
        return covered

    def meet(self, origin_ecef: Floats, direction_ecef: Floats) -> Crossings:
        """First crossings; see `pipelines.geometry.terrain.Terrain.meet`."""
        return meet_field(self, origin_ecef, direction_ecef)

    def every_crossing(self, origin_ecef: Floats, direction_ecef: Floats) -> tuple[Floats, ...]:
        """All crossings; see `pipelines.geometry.ray_crossing.every_crossing`."""
        return every_crossing(self, origin_ecef, direction_ecef)

    def normal_enu(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Upward unit normals (N, 3) from heights half a post to every side; up beside a gap."""
        metres_north, metres_east = metres_per_degree(latitude_deg)
        half = self.post_m / 2
        d_lat, d_lon = half / metres_north, half / metres_east
        count = len(latitude_deg)
        heights = self.height_m(
            np.concatenate([latitude_deg] * 2 + [latitude_deg - d_lat, latitude_deg + d_lat]),
            np.concatenate([longitude_deg - d_lon, longitude_deg + d_lon] + [longitude_deg] * 2),
        ).reshape(4, count)
        east_slope = np.nan_to_num((heights[1] - heights[0]) / (2 * half))
        north_slope = np.nan_to_num((heights[3] - heights[2]) / (2 * half))
        normal = np.stack([-east_slope, -north_slope, np.ones(count)], axis=1)
        normal /= np.sqrt(1 + east_slope**2 + north_slope**2)[:, None]
        return normal

    def relief_m(self, latitude_deg: float, longitude_deg: float, radius_m: float) -> float:
        """One standard deviation of the heights around a place; NaN where none is known."""
        offset = np.linspace(-radius_m, radius_m, 9)
        north, east = np.meshgrid(offset, offset)
        near = north**2 + east**2 <= radius_m**2
        metres_north, metres_east = metres_per_degree(latitude_deg)
        heights = self.height_m(
            latitude_deg + north[near] / metres_north, longitude_deg + east[near] / metres_east
        )
        known = heights[np.isfinite(heights)]
        return float(known.std()) if known.size else float("nan")

    def sea_level_sigma_m(self) -> float:
        """One sigma of what the sea level that heights are read by may be off by."""
        return max(sheet.files[0].reference.sigma_m for sheet in self.sheets)

    def ellipsoid_shift_m(self, latitude_deg: float, longitude_deg: float) -> float | None:
        """How much lower the ground would be, were these heights above the ellipsoid.

        None where it is known that they are not (or that they are).
        """
        if not any(sheet.files[0].reference.may_be_ellipsoid for sheet in self.sheets):
            return None
        return float(undulation_m(latitude_deg, longitude_deg))

    def datum_sigma_m(self, latitude_deg: float, longitude_deg: float) -> float:
        """One sigma by which the heights may be off where nobody said what they are over.

        It is the root mean square of another sea level, and of the ellipsoid's chance.
        """
        shift = self.ellipsoid_shift_m(latitude_deg, longitude_deg) or 0.0
        return float(np.hypot(self.sea_level_sigma_m(), np.sqrt(ELLIPSOID_CHANCE) * shift))


class TerrainSource:
    """Elevation models, indexed once; without a folder or a reader there is no terrain.

    Attributes:
        findings: files that could not be used.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        reader: ObjectReader | None = None,
        datum: DemDatum | None = None,
    ) -> None:
        """Index what there is.

        Args:
            folder: of elevation models, with its subfolders.
            reader: more of them, from elsewhere.
            datum: what heights are measured from where a file does not say.

        Raises:
            InvalidInputError: the folder is none.
        """
        self._cache = TileCache()
        self._terrains: dict[tuple[int, ...], DemTerrain] = {}
        self._lock = threading.Lock()
        rasters: list[ElevationRaster] = []
        if folder is not None:
            if not folder.is_dir():
                raise InvalidInputError(
                    f"{folder} is not a folder of elevation models", field="dem"
                )
            rasters += rasters_in_folder(folder)
        if reader is not None:
            rasters += rasters_of_objects(reader)
        files, unusable = _files(rasters, datum)
        self._files = tuple(sorted(files, key=lambda file: file.post_m))
        self._bounds = np.array([file.bounds_deg for file in self._files]).reshape(-1, 4)
        if not self._files and (folder is not None or reader is not None):
            where = folder if folder is not None else "the object store"
            unusable.append(
                f"no elevation model (GeoTIFF, SRTM .hgt, DTED) lies in {where}",
            )
        self.findings = tuple(
            Finding(code="DEM_UNUSABLE", severity=Severity.WARNING, message=message)
            for message in unusable
        )

    @property
    def has_files(self) -> bool:
        """Whether there is any elevation model."""
        return bool(self._files)

    def near(
        self, latitude_deg: float, longitude_deg: float, within_m: float = 20_000.0
    ) -> DemTerrain | None:
        """The terrain of the files whose bounds come within a distance of a place; None without."""
        if not self._files:
            return None
        metres_north, metres_east = metres_per_degree(latitude_deg)
        west, south, east, north = self._bounds.T
        place = longitude_deg - 360.0 * np.round((longitude_deg - (west + east) / 2) / 360.0)
        north_m = np.maximum(np.maximum(south - latitude_deg, latitude_deg - north), 0.0)
        east_m = np.maximum(np.maximum(west - place, place - east), 0.0)
        distance = np.hypot(north_m * metres_north, east_m * metres_east)
        chosen = tuple(int(index) for index in np.flatnonzero(distance <= within_m))
        if not chosen:
            return None
        nearest = self._files[min(chosen, key=lambda index: float(distance[index]))]
        with self._lock:
            # One object for all cameras over it, so that their rays are met together.
            terrain = self._terrains.get((*chosen, -1 - self._files.index(nearest)))
            if terrain is None:
                terrain = DemTerrain(
                    label=f"dem:{nearest.raster.source.name}",
                    sheets=sheets_of([self._files[index] for index in chosen]),
                    cache=self._cache,
                )
                self._terrains[(*chosen, -1 - self._files.index(nearest))] = terrain
        return terrain


def _files(
    rasters: Iterable[ElevationRaster], datum: DemDatum | None
) -> tuple[list[ElevationFile], list[str]]:
    """Elevation models, and what is wrong with those that are none."""
    files, unusable = [], []
    for raster in rasters:
        try:
            file = ElevationFile(raster, datum)
            # Known from now on, so that nothing is read for a camera far away.
            _ = file.bounds_deg, file.post_m
        except InvalidInputError as error:
            unusable.append(str(error))
            continue
        files.append(file)
    return files, unusable


def datum_findings(terrain: DemTerrain) -> tuple[Finding, ...]:
    """What had to be assumed of the heights of a terrain's files."""
    findings = []
    for sheet in terrain.sheets:
        reference = sheet.files[0].reference
        if reference.assumed:
            names = sheet.files[0].raster.name
            if len(sheet.files) > 1:
                names += f" and {len(sheet.files) - 1} more"
            said = (
                f"is over {reference.stated}, for which no grid lies on this machine; read as "
                f"EGM96 mean sea level, {reference.sigma_m:.1f} m less certain"
                if reference.stated
                else "does not say what its heights are measured from; read as EGM96 mean sea "
                "level, with a wider error (state its datum if you know it)"
            )
            findings.append(
                Finding(code="DEM_DATUM_ASSUMED", severity=Severity.NOTE, message=f"{names} {said}")
            )
    return tuple(findings)
