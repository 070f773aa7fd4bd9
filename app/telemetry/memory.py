"""Memory of this process, in bytes."""

import resource
import sys
from pathlib import Path


def resident_bytes() -> int:
    """Resident memory; peak resident memory where the system does not report the current value."""
    return _bytes("VmRSS")


def peak_resident_bytes() -> int:
    """Peak resident memory."""
    return _bytes("VmHWM")  # `getrusage` would include the parent's memory at the time it started this process


def _bytes(field: str) -> int:
    try:
        return int(Path("/proc/self/status").read_text().partition(f"{field}:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
