"""What a raster file says of where its pixels lie, as it says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlPoint:
    """A pixel whose place is known.

    Attributes:
        column_px: from the outer corner of the first pixel.
        row_px: from the outer corner of the first pixel.
        x: longitude or easting in the system of the points.
        y: latitude or northing.
        z: height; zero where the file tells none.
    """

    column_px: float
    row_px: float
    x: float
    y: float
    z: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RationalCoefficients:
    """Rational polynomials from a place to a pixel (STDI-0002 appendix E, RPC00B).

    Lines and samples are counted from the centre of the first pixel.

    Attributes:
        line_offset: pixels.
        sample_offset: pixels.
        latitude_offset: degrees, WGS 84.
        longitude_offset: degrees, WGS 84.
        height_offset: metres above the ellipsoid.
        line_scale: pixels.
        sample_scale: pixels.
        latitude_scale: degrees.
        longitude_scale: degrees.
        height_scale: metres.
        line_numerator: 20 coefficients.
        line_denominator: 20 coefficients.
        sample_numerator: 20 coefficients.
        sample_denominator: 20 coefficients.
        bias_m: one sigma of what all pixels are wrong by together; None where it is not told.
        random_m: one sigma of what each is wrong by on its own; None where it is not told.
    """

    line_offset: float
    sample_offset: float
    latitude_offset: float
    longitude_offset: float
    height_offset: float
    line_scale: float
    sample_scale: float
    latitude_scale: float
    longitude_scale: float
    height_scale: float
    line_numerator: tuple[float, ...]
    line_denominator: tuple[float, ...]
    sample_numerator: tuple[float, ...]
    sample_denominator: tuple[float, ...]
    bias_m: float | None = None
    random_m: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Every way in which a file places its pixels; most files have one, or none.

    Attributes:
        geotransform: a, b, c, d, e, f of x = a * column + b * row + c, y = d * column + e * row +
            f from the outer corner of the first pixel; None without one.
        crs: of x and y, as WKT; None where the file tells none.
        control: ground control points.
        control_crs: of these, as WKT; None where the file tells none.
        rational: rational polynomials; None without.
    """

    geotransform: tuple[float, float, float, float, float, float] | None = None
    crs: str | None = None
    control: tuple[ControlPoint, ...] = ()
    control_crs: str | None = None
    rational: RationalCoefficients | None = None
