from __future__ import annotations

import pytest

from pipelines.camera import Intrinsics
from pipelines.metadata.calibration import Calibration, centred
from pipelines.metadata.exif import Exif
from pipelines.metadata.inner_geometry import find_inner_geometry
from pipelines.metadata.telemetry import Telemetry
from pipelines.outcome import Finding, Severity

# A Phantom 4 Pro: 8.8 mm over 2.345 micrometres is 3,752 pixels, 24 mm equivalent.
P4P = Exif(focal_mm=8.8, focal_35mm=24.0, width_px=5472, height_px=3648)
TRUE_PX = 8.8 / (12.83332 / 5472)
SIZE = (5472, 3648)


def own(focal_px: float, size: tuple[int, int] = SIZE) -> Telemetry:
    return Telemetry(
        calibration=Calibration(
            intrinsics=centred(*size, focal_px, focal_px), focal_sigma=0.001, source="its own"
        )
    )


def found(
    exif: Exif,
    telemetry: Telemetry | None = None,
    *,
    file: tuple[int, int] = SIZE,
    model: str = "FC6310",
) -> tuple[Intrinsics | None, dict[str, Finding]]:
    calibration, findings = find_inner_geometry(exif, telemetry or Telemetry(), file, "DJI", model)
    return (
        None if calibration is None else calibration.intrinsics,
        {finding.code: finding for finding in findings},
    )


def zoomed(exif: Exif, zoom: float, **changes: float) -> Exif:
    told = {"focal_mm": exif.focal_mm, "focal_35mm": exif.focal_35mm} | changes
    return Exif(
        focal_mm=told["focal_mm"],
        focal_35mm=told["focal_35mm"],
        width_px=exif.width_px,
        height_px=exif.height_px,
        digital_zoom=zoom,
    )


def test_the_table_then_the_focal_plane_then_film_each_wider() -> None:
    inner, codes = found(P4P)
    assert inner is not None
    assert inner.fx_px == pytest.approx(TRUE_PX, rel=1e-4)
    assert codes["INTRINSICS_SOURCE"].severity is Severity.NOTE
    plane = Exif(focal_mm=8.8, focal_plane_per_mm=(430.0, 430.0), width_px=5472, height_px=3648)
    inner, codes = found(plane, model="unheard of")
    assert inner is not None
    assert inner.fx_px == pytest.approx(8.8 * 430)
    assert "4.0 %" in codes["INTRINSICS_SOURCE"].message
    assert codes["INTRINSICS_SOURCE"].severity is Severity.WARNING


# --- digital zoom: what holds it, and what does not -----------------------------------------------


@pytest.mark.parametrize("film_mm", [24.0, 72.0])
@pytest.mark.parametrize("own_px", [TRUE_PX, 3 * TRUE_PX, None])
def test_the_lens_tells_whether_a_focal_length_holds_the_zoom(
    film_mm: float, own_px: float | None
) -> None:
    telemetry = None if own_px is None else own(own_px)
    inner, _ = found(zoomed(P4P, 3.0, focal_35mm=film_mm), telemetry)
    assert inner is not None
    # Whoever holds it, the picture shows a third of the view: 3 % is film's rounding.
    assert inner.fx_px == pytest.approx(3 * TRUE_PX, rel=0.001 if own_px else 0.04)


@pytest.mark.parametrize(("own_px", "film_mm"), [(3 * TRUE_PX, 24.0), (TRUE_PX, 72.0)])
def test_two_of_the_makers_that_differ_by_the_zoom_tell_each_other(
    own_px: float, film_mm: float
) -> None:
    exif = zoomed(P4P, 3.0, focal_35mm=film_mm)
    inner, _ = found(exif, own(own_px), model="unheard of")
    assert inner is not None
    assert inner.fx_px == pytest.approx(3 * TRUE_PX)


@pytest.mark.parametrize("telemetry", [own(TRUE_PX), None])
def test_a_zoom_that_nothing_resolves_has_no_known_camera(telemetry: Telemetry | None) -> None:
    inner, codes = found(zoomed(P4P, 3.0), telemetry, model="unheard of")
    assert inner is None
    assert codes["ZOOM_UNRESOLVED"].severity is Severity.ERROR
    # The control without zoom.
    inner, codes = found(zoomed(P4P, 1.0), telemetry, model="unheard of")
    assert inner is not None
    assert "ZOOM_UNRESOLVED" not in codes


def test_a_zoom_that_no_camera_has_is_not_believed() -> None:
    inner, codes = found(zoomed(P4P, 1000.0))
    assert inner is None
    assert "ZOOM_UNRESOLVED" in codes


# --- two lenses under one name --------------------------------------------------------------------


def test_a_thermal_picture_never_gets_the_visible_lens() -> None:
    # M3T: 9.1 mm over 12 micrometres; the table knows its visible camera alone (0.8 micrometres).
    exif = Exif(focal_mm=9.1, focal_35mm=40.0, width_px=640, height_px=512)
    for telemetry in (Telemetry(), Telemetry(thermal=True)):
        inner, codes = found(exif, telemetry, file=(640, 512), model="M3T")
        assert inner is not None
        assert inner.fx_px == pytest.approx(9.1 / 0.012, rel=0.03)
        assert codes["INTRINSICS_SOURCE"].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("model", "exif", "focal_px"),
    [
        ("ZH20T", Exif(focal_mm=13.5, focal_35mm=58.0, width_px=640, height_px=512), 13.5 / 0.012),
        ("M2EA", Exif(focal_mm=9.0, focal_35mm=38.0, width_px=640, height_px=512), 9.12 / 0.012),
        (
            "ZH20T",
            Exif(focal_mm=4.5, focal_35mm=24.0, width_px=4056, height_px=3040),
            4.5 / (6.576918 / 4056),
        ),
    ],
)
def test_each_lens_of_two_has_its_own_figures(model: str, exif: Exif, focal_px: float) -> None:
    thermal = exif.width_px == 640
    size = (exif.width_px or 0, exif.height_px or 0)
    for telemetry in (Telemetry(), Telemetry(thermal=thermal)):
        inner, _ = found(exif, telemetry, file=size, model=model)
        assert inner is not None
        assert inner.fx_px == pytest.approx(focal_px, rel=1e-3)


def test_a_zoom_camera_does_not_get_the_figures_of_the_wide_one_beside_it() -> None:
    # H20T's zoom camera: 5184 x 3888 on 7.53 mm, at 10 mm; the table knows the wide one of 4056.
    exif = Exif(focal_mm=10.0, focal_35mm=46.0, width_px=5184, height_px=3888)
    inner, codes = found(exif, Telemetry(thermal=False), file=(5184, 3888), model="ZH20T")
    assert inner is not None
    assert inner.fx_px == pytest.approx(10.0 / (7.53 / 5184), rel=0.04)
    assert "35 mm equivalent" in codes["INTRINSICS_SOURCE"].message


# --- turned, fisheye, unknown ---------------------------------------------------------------------


def test_a_picture_higher_than_wide_is_believed_on_somebodys_word_alone() -> None:
    exif = Exif(focal_35mm=24.0, width_px=3000, height_px=4000)
    inner, codes = found(exif, file=(3000, 4000), model="unheard of")
    assert inner is None
    assert "SENSOR_TURNED" in codes
    stated, _ = find_inner_geometry(exif, Telemetry(), (3000, 4000), None, None, any_way_up=True)
    assert stated is not None


def test_a_fisheye_is_named() -> None:
    exif = Exif(focal_mm=5.0, focal_35mm=30.0, width_px=4384, height_px=3288)
    for telemetry, model in ((Telemetry(), "FC200"), (Telemetry(fisheye=True), "any")):
        inner, codes = found(exif, telemetry, model=model)
        assert inner is None
        assert list(codes) == ["FISHEYE_LENS"]


def test_nothing_known_is_said() -> None:
    inner, codes = found(Exif(), model="unheard of")
    assert inner is None
    assert codes["NO_INTRINSICS"].severity is Severity.ERROR
