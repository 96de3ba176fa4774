"""The link's gateware: bytes on a wire to the machine's control bus and packet streams."""

from .link import Link
from .uart import UartReceiver, UartTransmitter, divisor_for

__all__ = ["Link", "UartReceiver", "UartTransmitter", "divisor_for"]
