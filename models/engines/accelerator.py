"""What this machine has that a network could run on, told without loading an engine."""

from __future__ import annotations

from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/version")
_DEVICES = Path("/dev")
_PROCESSORS = Path("/proc/cpuinfo")
_INT8 = {"avx_vnni", "avx512_vnni", "amx_int8"}
"""Flags of x86 processors that add up products of bytes in one instruction, without overflow."""


def has_nvidia_gpu(driver: Path = _DRIVER, devices: Path = _DEVICES) -> bool:
    """Whether the kernel knows an NVIDIA GPU.

    Loading torch to ask takes seconds and hundreds of megabytes, which a machine without a GPU
    should not pay.

    Args:
        driver: the file by which the kernel tells its driver.
        devices: folder of devices.
    """
    return driver.exists() or any(devices.glob("nvidia[0-9]*"))


def has_int8_arithmetic(processors: Path = _PROCESSORS) -> bool:
    """Whether the processor multiplies and adds bytes in one instruction.

    Without it eight bits are hardly faster than floats, and their sums may overflow.

    Args:
        processors: the file by which Linux tells its processors; other systems have none.
    """
    try:
        told = processors.read_text("utf-8", "replace")
    except OSError:
        return False
    for line in told.splitlines():
        key, _, words = line.partition(":")
        if key.strip() == "flags":
            return not _INT8.isdisjoint(words.split())
    return False
