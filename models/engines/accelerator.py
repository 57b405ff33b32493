"""Whether this machine has a GPU that a network could run on, told without loading an engine."""

from __future__ import annotations

from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/version")
_DEVICES = Path("/dev")


def has_nvidia_gpu(driver: Path = _DRIVER, devices: Path = _DEVICES) -> bool:
    """Whether the kernel knows an NVIDIA GPU.

    Loading torch to ask takes seconds and hundreds of megabytes, which a machine without a GPU
    should not pay.

    Args:
        driver: the file by which the kernel tells its driver.
        devices: folder of devices.
    """
    return driver.exists() or any(devices.glob("nvidia[0-9]*"))
