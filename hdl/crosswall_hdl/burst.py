"""Interface to a board's memory: bursts of a few words, whatever the memory is made of."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crosswall.spec.store import BURST_WORDS, PLACE_UNIT, WORD_BYTES

__all__ = ["BURST_WORDS", "WORD_BITS", "BurstMemory"]

WORD_BITS = 8 * WORD_BYTES


class BurstMemory(wiring.Signature):
    """Memory that is read and written in bursts of ``BURST_WORDS`` words of 16 bits.

    Directions are those of whoever uses it: a user declares ``memory: Out(BurstMemory(size))``, a
    memory or its controller ``In``. Bursts are done one after another, in the order asked for.

    Parameters
    ----------
    size : int
        Bytes, a power of two of at least ``PLACE_UNIT``.

    Members
    -------
    request : Out(stream.Signature)
        A burst to do: its ``place``, an address in bursts, and whether to ``write``. The memory
        takes it when it likes, and may do so before the last one is done.
    write_data : Out(16), write_taken : In(1)
        Words to write, in order. They are all there from the request on: the memory takes
        ``BURST_WORDS`` of them, each in a cycle of ``write_taken``, and sees the next one in the
        next cycle.
    read_data : In(16), read_valid : In(1)
        Words that were read, in order, each in a cycle of ``read_valid``. The memory does not
        wait: whoever asks has room for the burst.
    """

    def __init__(self, size: int) -> None:
        if size < PLACE_UNIT or size & (size - 1):
            raise ValueError(f"`size` must be a power of two of at least {PLACE_UNIT} bytes: "
                             f"got {size}")
        self.size = size
        self.place_bits = exact_log2(size // PLACE_UNIT)
        super().__init__({
            "request": Out(stream.Signature(data.StructLayout(
                {"place": self.place_bits, "write": 1}))),
            "write_data": Out(WORD_BITS),
            "write_taken": In(1),
            "read_data": In(WORD_BITS),
            "read_valid": In(1),
        })

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BurstMemory) and other.size == self.size

    def __repr__(self) -> str:
        return f"BurstMemory({self.size})"
