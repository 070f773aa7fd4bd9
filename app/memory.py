"""How much memory this process takes."""

import os
import resource
import sys
from pathlib import Path


def resident_bytes() -> int:
    """Memory that is in use; where the system does not say, the most that ever was."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return _peak()


def most_resident_bytes() -> int:
    """The most memory that ever was in use."""
    try:
        # `getrusage` would count what the parent held when it started this process.
        (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return _peak()


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
