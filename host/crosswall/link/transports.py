"""What a session sends bytes over: a serial port, or an in-process pair."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shlex
import termios
import threading
import time
from typing import Protocol

from crosswall.errors import LinkError

__all__ = ["MAX_BAUD", "PairTransport", "SerialTransport", "Transport"]

MAX_BAUD = 100_000_000
"""Bits per second: more than any port's chip can do, and what every system can be asked for."""


class Transport(Protocol):
    """A two-way stream of bytes that may lose or damage any of them."""

    def read(self, max_bytes: int, timeout: float) -> bytes:
        """Return what has arrived, at most `max_bytes`; wait up to `timeout` seconds for the
        first byte, then return b"". Raises LinkError when the other end is gone."""

    def write(self, data: bytes) -> None:
        """Send all of `data`; may wait for the line. Raises LinkError when the line is dead."""

    def close(self) -> None:
        """Give the line free. Further calls do nothing."""


class SerialTransport:
    """A serial port, opened exclusively: a UART, or the pseudo-terminal of a virtual board.

    Needs a POSIX system: it waits on the port's file descriptor, and while the line takes no
    more bytes it goes on receiving, so two ends that both write never wait for each other.

    Parameters
    ----------
    port
        Device path, such as ``/dev/ttyUSB0``.
    baud
        Bits per second, 1 to `MAX_BAUD`, whatever the port's chip can do (FT231X: 3,000,000; FT232H
        and FT2232H: 12,000,000); 8 data bits, no parity, 1 stop bit. A pseudo-terminal ignores it.
    write_timeout
        Seconds without a byte taken after which the line counts as dead.

    Raises LinkError if the port is missing, in use, not permitted or no serial port, or refuses
    `baud`.
    """

    def __init__(self, port: str, baud: int = 3_000_000, *, write_timeout: float = 5.0) -> None:
        import serial

        if not 0 < baud <= MAX_BAUD:
            raise LinkError(_no_such_rate(port, baud))
        self.port = port
        self.baud = baud
        self._write_timeout = write_timeout
        self._received = bytearray()
        self._serial = None
        try:
            self._serial = serial.Serial(port, baud, timeout=0, write_timeout=0, exclusive=True)
        # SerialException is an OSError; what a port answers to some settings comes as it is.
        except (OSError, ValueError, termios.error) as error:
            raise LinkError(_why_not_open(port, baud, error)) from error
        # An FTDI chip keeps a few bytes for 16 ms otherwise, and the host waits for its answers.
        # Not every system or port can be told.
        with contextlib.suppress(NotImplementedError, ValueError, OSError):
            self._serial.set_low_latency_mode(True)
        self._descriptor = self._serial.fileno()

    def __repr__(self) -> str:
        return f"SerialTransport({self.port!r}, {self.baud})"

    def read(self, max_bytes: int, timeout: float) -> bytes:
        """Return what has arrived; see `Transport.read`."""
        if self._received:
            data = bytes(self._received[:max_bytes])
            del self._received[:max_bytes]
            return data
        descriptor = self._open_descriptor()
        readable, _, _ = select.select([descriptor], [], [], timeout)
        return self._receive(max_bytes) if readable else b""

    def write(self, data: bytes) -> None:
        """Send all of `data`; see `Transport.write`."""
        descriptor = self._open_descriptor()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(descriptor, rest):]
                continue
            except BlockingIOError:
                pass
            except OSError as error:
                raise self._lost(error) from error
            readable, writable, _ = select.select([descriptor], [descriptor], [],
                                                  self._write_timeout)
            if readable:
                self._received += self._receive(1 << 16)
            elif not writable:
                raise LinkError(f"{self.port} took no byte for {self._write_timeout:g} s: check "
                                "that the board runs and that flow control is off")

    def close(self) -> None:
        """Give the port free."""
        if self._serial is not None:
            self._serial.close()
            self._serial = None

    def _open_descriptor(self) -> int:
        if self._serial is None:
            raise LinkError(f"{self.port} was closed: open it again")
        return self._descriptor

    def _receive(self, max_bytes: int) -> bytes:
        try:
            data = os.read(self._descriptor, max_bytes)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(error) from error
        if not data:
            raise self._lost(None)
        return data

    def _lost(self, error: OSError | None) -> LinkError:
        detail = f" ({error.strerror})" if error is not None and error.strerror else ""
        return LinkError(f"lost {self.port}{detail}: the board was unplugged, or the virtual "
                         "board stopped")


def _why_not_open(port: str, baud: int, error: Exception) -> str:
    code = getattr(error, "errno", None)
    for each in (error, error.__context__):
        if isinstance(each, termios.error):  # pyserial wraps some of them
            code = each.args[0]
    if code in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO):
        return (f"no serial port {shlex.quote(port)}: plug the board in, or name one of "
                f"{_ports_present()}")
    if code == errno.EACCES:
        return (f"not permitted to open {port}: add your user to the port's group "
                "(often `dialout`) and log in again")
    if code in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
        return f"{port} is in use: close the other program that has it open"
    if code in (errno.ENOTTY, errno.EISDIR):
        return f"{port} is not a serial port: name one of {_ports_present()}"
    if code == errno.EIO:
        return f"{port} does not answer: plug the board in again, or start its other end"
    if isinstance(error, ValueError) and "baud" in str(error):
        return _no_such_rate(port, baud)
    return (f"cannot open {port} ({os.strerror(code) if code else error}): name one of "
            f"{_ports_present()}")


def _no_such_rate(port: str, baud: int) -> str:
    return f"{port} cannot run at {baud} baud: choose another rate, 1 to {MAX_BAUD}"


def _ports_present() -> str:
    from serial.tools import list_ports

    return ", ".join(sorted(port.device for port in list_ports.comports())) or "(none present)"


class PairTransport:
    """One end of an in-process line; `PairTransport.pair` makes both. Safe between threads."""

    def __init__(self, received: _Buffer, sent: _Buffer) -> None:
        self._received = received
        self._sent = sent

    @classmethod
    def pair(cls) -> tuple[PairTransport, PairTransport]:
        """Return two ends: what one writes, the other reads."""
        one, other = _Buffer(), _Buffer()
        return cls(one, other), cls(other, one)

    def read(self, max_bytes: int, timeout: float) -> bytes:
        """Return what has arrived; see `Transport.read`."""
        return self._received.take(max_bytes, timeout)

    def write(self, data: bytes) -> None:
        """Send all of `data`, without ever waiting; see `Transport.write`."""
        self._sent.put(data)

    def close(self) -> None:
        """Close both directions: the other end still reads what was sent, then gets LinkError."""
        self._received.close()
        self._sent.close()


class _Buffer:
    """Bytes on their way in one direction."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._closed = False
        self._changed = threading.Condition()

    def put(self, data: bytes) -> None:
        with self._changed:
            if self._closed:
                raise LinkError("the other end of the line was closed")
            self._data += data
            self._changed.notify_all()

    def take(self, max_bytes: int, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._data:
                if self._closed:
                    raise LinkError("the other end of the line was closed")
                left = deadline - time.monotonic()
                if left <= 0:
                    return b""
                self._changed.wait(left)
            data = bytes(self._data[:max_bytes])
            del self._data[:max_bytes]
            return data

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
