"""Whether a frame was taken in thermal infrared, as its metadata tell.

Drones carry both kinds of camera under one name ("M3T"), so the model alone seldom tells; the
source that the maker's firmware writes beside each frame does.
"""

from __future__ import annotations

import re

from pipelines.metadata.xmp import Xmp

# Makers of thermal cores, as EXIF names them, and models of others that are thermal alone.
_THERMAL_MAKERS = re.compile(
    r"\b(FLIR|Teledyne FLIR|InfiRay|Workswell|Optris|DRS|Seek)\b", re.IGNORECASE
)
_THERMAL_MODELS = re.compile(
    r"\b(Vue Pro|Vue TZ20|Tau ?2|Boson|Duo Pro R|ZENMUSE ?XTR?|XTS|WIRIS|Hadron 640R thermal)\b",
    re.IGNORECASE,
)
_THERMAL_WORDS = re.compile(r"infra-?red|thermal|\bLWIR\b|\bIR\b", re.IGNORECASE)
_VISIBLE_WORDS = re.compile(
    r"wide|zoom|visible|default|\bRGB\b|\bRed\b|\bGreen\b|\bBlue\b", re.IGNORECASE
)
# Wavelengths of thermal cameras, nanometres.
_LWIR_NM = (3000.0, 15000.0)


def is_thermal(make: str | None, model: str | None, xmp: Xmp) -> bool | None:
    """Whether metadata say thermal infrared or visible light; None where they say neither.

    Args:
        make: maker of the camera.
        model: model of the camera.
        xmp: `ImageSource` of DJI and Autel; `BandName` and `CentralWavelength` of the `Camera`
            namespace (Pix4D's, used by Sequoia, MicaSense Altum and others).
    """
    camera = xmp.group("camera")
    for words in (
        xmp.group("drone-dji").get("ImageSource"),
        xmp.group("drone").get("ImageSource"),
        camera.get("ImageSource"),
        camera.get("BandName"),
    ):
        if words and _THERMAL_WORDS.search(words):
            return True
        if words and _VISIBLE_WORDS.search(words):
            return False
    try:
        wavelength = float(camera.get("CentralWavelength", ""))
    except ValueError:
        wavelength = 0.0
    if wavelength:
        return _LWIR_NM[0] <= wavelength <= _LWIR_NM[1]
    if _THERMAL_MAKERS.search(make or "") or _THERMAL_MODELS.search(model or ""):
        return True
    return None
