"""8N1 UART: receiver and transmitter as byte streams."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["MIN_DIVISOR", "UartReceiver", "UartTransmitter", "check_divisor",
           "divisor_for"]

MIN_DIVISOR = 4
"""Fewest clocks per bit with which the receiver still finds the middle of a bit."""

MAX_BAUD_ERROR = 0.025
"""Largest relative error of the bit rate: half a bit is lost over 10 bits at 5 %, and the other
end may err as well."""


def divisor_for(clock_hz: float, baud: float) -> int:
    """Return the clocks per bit for `baud` from a clock of `clock_hz`.

    Raises ValueError if that is fewer than `MIN_DIVISOR` or misses `baud` by more than 2.5 %.
    """
    divisor = round(clock_hz / baud)
    if divisor < MIN_DIVISOR:
        raise ValueError(f"`baud` must be at most clock / {MIN_DIVISOR} = "
                         f"{clock_hz / MIN_DIVISOR:.0f}: got {baud:.0f}")
    if abs(clock_hz / divisor / baud - 1) > MAX_BAUD_ERROR:
        raise ValueError(f"`baud` must divide the clock of {clock_hz:.0f} Hz within 2.5 %: "
                         f"got {baud:.0f}, the nearest is {clock_hz / divisor:.0f}")
    return divisor


def check_divisor(divisor: int) -> None:
    """Raise TypeError or ValueError unless `divisor` is an integer of at least `MIN_DIVISOR`."""
    if not isinstance(divisor, int):
        raise TypeError(f"`divisor` must be an integer: got {divisor!r}")
    if divisor < MIN_DIVISOR:
        raise ValueError(f"`divisor` must be at least {MIN_DIVISOR} clocks per bit: "
                         f"got {divisor}")


class UartReceiver(wiring.Component):
    """Receives 8N1 bytes.

    Parameters
    ----------
    divisor : int
        Clocks per bit, at least 4.

    Members
    -------
    rx : In(1)
        The wire, asynchronous, idle high. Synchronised here with two flip-flops.
    bytes : Out(stream.Signature(8))
        Bytes with a correct stop bit; a byte with a framing error is dropped, and the next start
        bit is looked for only after the wire was high again. ``valid`` rises in the middle of
        the stop bit, 3 cycles after the wire at the latest. The wire cannot wait: a byte not
        taken before the next one is complete is overwritten by it.
    """

    def __init__(self, *, divisor: int) -> None:
        check_divisor(divisor)
        self.divisor = divisor
        super().__init__({"rx": In(1, init=1), "bytes": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wire = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, wire, init=1)

        countdown = Signal(range(self.divisor))
        # A marker goes in front of the data and has reached bit 0 when the stop bit is sampled.
        shift = Signal(9, reset_less=True)
        sample = Signal()
        m.d.comb += sample.eq(countdown == 0)

        with m.If(self.bytes.ready):
            m.d.sync += self.bytes.valid.eq(0)

        with m.FSM():
            with m.State("IDLE"):
                # The edge is seen up to one clock late, so the middle of the start bit is half
                # a clock less than half a bit away. A wire that is high there was a spike.
                m.d.sync += countdown.eq((self.divisor - 1) // 2 - 1)
                with m.If(~wire):
                    m.next = "START"
            with m.State("START"):
                m.d.sync += countdown.eq(countdown - 1)
                with m.If(sample):
                    m.d.sync += [
                        countdown.eq(self.divisor - 1),
                        shift.eq(1 << 8),
                    ]
                    m.next = "DATA"
                    with m.If(wire):
                        m.next = "IDLE"
            with m.State("DATA"):
                m.d.sync += countdown.eq(countdown - 1)
                with m.If(sample):
                    m.d.sync += [
                        countdown.eq(self.divisor - 1),
                        shift.eq(Cat(shift[1:], wire)),
                    ]
                    with m.If(shift[0]):
                        # All eight data bits are in shift[1:]; this sample is the stop bit.
                        with m.If(wire):
                            m.d.sync += [
                                self.bytes.payload.eq(shift[1:]),
                                self.bytes.valid.eq(1),
                            ]
                            m.next = "IDLE"
                        with m.Else():
                            m.next = "BREAK"
            with m.State("BREAK"):
                with m.If(wire):
                    m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Sends 8N1 bytes back to back.

    Parameters
    ----------
    divisor : int
        Clocks per bit, at least 4.

    Members
    -------
    bytes : In(stream.Signature(8))
        ``ready`` for one cycle in every 10 × `divisor` while there are bytes to send.
    tx : Out(1)
        The wire, idle high, from a flip-flop. The start bit begins one cycle after the byte was
        taken.
    """

    def __init__(self, *, divisor: int) -> None:
        check_divisor(divisor)
        self.divisor = divisor
        super().__init__({"bytes": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        countdown = Signal(range(self.divisor))
        bits_left = Signal(range(11))
        shift = Signal(9, reset_less=True)  # the bits after the one on the wire
        next_bit = Signal()
        m.d.comb += [
            next_bit.eq(countdown == 0),
            self.bytes.ready.eq(next_bit & (bits_left == 0)),
        ]
        with m.If(~next_bit):
            m.d.sync += countdown.eq(countdown - 1)
        with m.Elif(bits_left != 0):
            m.d.sync += [
                countdown.eq(self.divisor - 1),
                bits_left.eq(bits_left - 1),
                self.tx.eq(shift[0]),
                shift.eq(shift >> 1),
            ]
        with m.Elif(self.bytes.valid):
            m.d.sync += [
                countdown.eq(self.divisor - 1),
                bits_left.eq(9),
                self.tx.eq(0),
                shift.eq(self.bytes.payload | (1 << 8)),
            ]
        return m
