"""Signals that ask a run to stop, so that it is saved first."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console

__all__ = ["STOP_SIGNALS", "StopSignal", "stopping"]

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, `kill`, and the end of the terminal or of the connection to it."""


class StopSignal:
    """Whether the user asked to stop; see `stopping`."""

    def __init__(self) -> None:
        self.armed = False
        """Whether a run is under way, so that there is something to save."""
        self.asked = False

    def __call__(self) -> bool:
        return self.asked


@contextmanager
def stopping(console: Console) -> Iterator[StopSignal]:
    """While this lasts, each of `STOP_SIGNALS` asks to stop. A second one interrupts at once, and
    so does the first unless the signal is armed.

    A second SIGHUP changes nothing: the system and the shell both send one when a terminal is
    closed. Where SIGHUP is ignored, as under `nohup`, it stays so.
    """
    stop = StopSignal()

    def ask(number: int, frame: object) -> None:
        if stop.asked and number == signal.SIGHUP:
            return
        if stop.asked or not stop.armed:
            raise KeyboardInterrupt
        stop.asked = True
        # The signal may have come in the middle of another line, where writing is refused.
        with suppress(RuntimeError):
            console.print("crosswall: stopping after the samples in flight; press Ctrl-C again to "
                          "stop at once", soft_wrap=True)

    handled = [number for number in STOP_SIGNALS
               if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in handled}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
