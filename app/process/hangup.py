"""SIGHUP: a request to reload, or the end of the terminal that the service was started from."""

import os
import signal


class HangUp:
    """Receives SIGHUP. If the terminal was closed, it sends SIGTERM, or the service would run on and hold its port.

    Attributes:
        reload: Whether a reload was requested; whoever reloads sets it back before.
    """

    def __init__(self) -> None:
        self.reload = False
        ignored = signal.signal(signal.SIGHUP, self._receive) == signal.SIG_IGN  # by nohup, to survive the terminal
        self._watched = not ignored and _has_terminal()

    def _receive(self, *_: object) -> None:
        if self._watched and not _has_terminal():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the shell sends another one, which must not stop at once
            signal.raise_signal(signal.SIGTERM)
        else:
            self.reload = True


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
