"""The terminal that this process was started from; the system sends SIGHUP when it is closed."""

import os
import signal


class Terminal:
    """Tells the end of the terminal from a request to reload, which is SIGHUP as well.

    Without it, a service whose terminal was closed would reload its model, keep running and hold its port.
    """

    def __init__(self) -> None:
        ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # by nohup, to survive the terminal
        self._watched = not ignored and _has_terminal()

    @property
    def closed(self) -> bool:
        """Whether there was a terminal and it was closed."""
        return self._watched and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
