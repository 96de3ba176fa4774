"""Checks of the sizes that a link is built with."""

from crosswall.spec.frames import NUMBER_BYTES
from crosswall.spec.sample import SAMPLE_HEADER_BYTES

__all__ = ["MAX_SLOTS", "check_bytes", "check_sample_bytes", "check_slots"]

MAX_SLOTS = 128


def check_slots(slots: int) -> None:
    """Raise TypeError or ValueError unless `slots` is a power of two from 2 to 128."""
    if not isinstance(slots, int):
        raise TypeError(f"`slots` must be an integer: got {slots!r}")
    if not 2 <= slots <= MAX_SLOTS or slots & (slots - 1):
        raise ValueError(f"`slots` must be a power of two from 2 to {MAX_SLOTS}: got {slots}")


def check_bytes(name: str, length: int) -> None:
    """Raise TypeError or ValueError unless a packet of `length` bytes can hold its number."""
    if not isinstance(length, int):
        raise TypeError(f"`{name}` must be an integer: got {length!r}")
    if length < NUMBER_BYTES:
        raise ValueError(f"`{name}` must be at least the {NUMBER_BYTES} bytes of the sample "
                         f"number: got {length}")


def check_sample_bytes(length: int, *, packed: bool) -> None:
    """Raise TypeError or ValueError unless a sample packet can have `length` bytes; if `packed`,
    it has at least a header and a pixel."""
    check_bytes("sample_bytes", length)
    if packed and length <= SAMPLE_HEADER_BYTES:
        raise ValueError(f"`sample_bytes` of packed samples must be more than the "
                         f"{SAMPLE_HEADER_BYTES} bytes of the header: got {length}")
