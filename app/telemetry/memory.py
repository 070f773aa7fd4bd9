"""Memory usage of this process."""

import os
import resource
import sys
from pathlib import Path


def resident_bytes() -> int:
    """Resident memory; peak resident memory where the system does not report the current value."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return _peak()


def peak_resident_bytes() -> int:
    """Peak resident memory."""
    try:
        # `getrusage` would include the parent's memory at the time it started this process.
        (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return _peak()


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
