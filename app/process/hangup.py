"""SIGHUP: a request to reload, or the end of the terminal that the service was started from."""

import os
import signal


class HangUp:
    """Receives SIGHUP.

    Without telling its two meanings apart, a service whose terminal was closed would reload its model, keep running and
    hold its port.

    Attributes:
        received: Whether SIGHUP was received; whoever reloads sets it back before.
    """

    def __init__(self) -> None:
        self.received = False
        ignored = signal.signal(signal.SIGHUP, self._note) == signal.SIG_IGN  # by nohup, to survive the terminal
        self._watched = not ignored and _has_terminal()

    @property
    def terminal_closed(self) -> bool:
        """Whether there was a terminal and it was closed."""
        return self._watched and not _has_terminal()

    def _note(self, *_: object) -> None:
        self.received = True


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
