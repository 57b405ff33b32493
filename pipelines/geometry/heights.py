"""Heights above the WGS 84 ellipsoid, and above mean sea level.

Inside the program a height is above the ellipsoid (HAE): h = H + N, with H above the geoid (mean
sea level) and N the geoid's undulation. PROJ does the sum with grids that lie on this machine;
its network stays off. The EGM96 grid of 15 minutes comes with Vedette (pipelines/data; made by
deploy/make_geoid_grid.py), others are used where PROJ's own data folder has them, or a folder that
is named here (`use_grid_folder`). They are PROJ's own files, for example us_nga_egm08_25.tif.
"""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyproj
import pyproj.datadir
from numpy.typing import ArrayLike, NDArray
from pyproj.exceptions import ProjError
from pyproj.network import set_network_enabled  # type: ignore[attr-defined] # re-exported

from models.errors import InvalidInputError

EGM96_EPSG = 5773
EGM2008_EPSG = 3855

GRID_FOLDER = Path(__file__).parents[1] / "data"


class _Thread(threading.local):
    """Where this thread's PROJ looks for grids; empty where it was not told yet."""

    search_path = ""


_THREAD = _Thread()
_TELLING = threading.Lock()


def _tell_thread(*folders: Path) -> None:
    """Let PROJ find grids in this thread.

    Each thread has a PROJ of its own, and one that has computed before knows nothing of a folder
    that another thread named since.
    """
    with _TELLING:
        known = pyproj.datadir.get_data_dir().split(os.pathsep)
        wanted = [it for it in map(str, (GRID_FOLDER, *folders)) if it not in known]
        search_path = os.pathsep.join([*known, *wanted])
        if search_path != _THREAD.search_path:
            set_network_enabled(active=False)
            pyproj.datadir.set_data_dir(search_path)
            _THREAD.search_path = search_path


def _transformer(vertical_epsg: int) -> pyproj.Transformer | None:
    _tell_thread()
    return _made(vertical_epsg)


@lru_cache(maxsize=16)
def _made(vertical_epsg: int) -> pyproj.Transformer | None:
    try:
        # Without these two flags PROJ answers a missing grid with N = 0 and no word.
        transformer = pyproj.Transformer.from_crs(
            f"EPSG:4326+{vertical_epsg}",
            "EPSG:4979",
            always_xy=True,
            allow_ballpark=False,
            only_best=True,
        )
        transformer.transform(0.0, 0.0, 0.0, errcheck=True)
    except ProjError:
        return None
    return transformer


def use_grid_folder(folder: Path) -> None:
    """Find PROJ's grids in a folder too, from now on in this process.

    Raises:
        InvalidInputError: it is no folder.
    """
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is not a folder of geoid grids", field="geoid_grids")
    _tell_thread(folder)
    _made.cache_clear()


def has_grid(vertical_epsg: int) -> bool:
    """Whether heights of that vertical reference can be converted on this machine."""
    return _transformer(vertical_epsg) is not None


def undulation_m(
    latitude_deg: ArrayLike, longitude_deg: ArrayLike, *, vertical_epsg: int = EGM96_EPSG
) -> NDArray[np.float64]:
    """Height (...) of the geoid above the ellipsoid; positive where the geoid is higher.

    Args:
        latitude_deg: (...) WGS 84.
        longitude_deg: (...) WGS 84.
        vertical_epsg: EPSG code of the vertical reference; `has_grid` must hold of it.

    Raises:
        LookupError: no grid for that reference lies on this machine.
    """
    transformer = _transformer(vertical_epsg)
    if transformer is None:
        raise LookupError(f"no grid for EPSG:{vertical_epsg} lies on this machine")
    latitude, longitude = np.broadcast_arrays(
        np.asarray(latitude_deg, np.float64), np.asarray(longitude_deg, np.float64)
    )
    wrapped = np.mod(longitude + 180.0, 360.0) - 180.0
    _, _, height = transformer.transform(
        wrapped.ravel(), latitude.ravel(), np.zeros(latitude.size), errcheck=True
    )
    return np.asarray(height, np.float64).reshape(latitude.shape)
