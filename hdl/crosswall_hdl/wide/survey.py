"""The first look at the positions: which are silent, and how the others are to be coded."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from crosswall.spec.build import Build
from crosswall.spec.network import PIXEL_BITS, Encoding, Network

from ..control import PixelPort, index_shape
from ..memory import ConstantTable
from .pipeline import delayed
from .pixels import BANKS, PIXEL_LATENCY, FieldPixels, field_ports

__all__ = ["QUEUE_CYCLES", "Field", "Survey", "Surveyor"]

QUEUE_CYCLES = 2
"""From what is written into an empty `SyncFIFOBuffered` to what is read from it."""


class Field(data.StructLayout):
    """A position that is not silent, or a sample's last, and how its pixels become codes.

    Members
    -------
    position
    mean
        What the pixels are compared with; 0 without contrast.
    shift
        Codes are deviations from the mean, shifted right by this.
    silent
        The last position, and it is silent.
    bank
        Where the sample's pixels are. With `Build.overlap` only.
    """

    def __init__(self, network: Network, build: Build) -> None:
        super().__init__({
            "position": index_shape(network.positions),
            "mean": PIXEL_BITS,
            "shift": range(PIXEL_BITS + 1),
            "silent": 1,
            **({"bank": range(BANKS)} if build.overlap else {}),
        })


class Surveyor(wiring.Component):
    """Sum and extremes of the pixels of a field, one pixel per cycle, from any place of it on.

    Members
    -------
    pixels, bank, written_bank, offset, begin, origin
        See `FieldPixels`.
    begin : In(1)
        Look at the ``fan_in`` pixels whose offsets come in the next cycles. Not less than
        ``fan_in`` cycles after the last.
    finished : Out(1)
        The following are those of the field, in this cycle: ``fan_in + 4`` after ``begin``.
    total : Out(range(255 * fan_in + 1)), highest, lowest : Out(8)
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._build = network, build
        super().__init__({
            **field_ports(network, build),
            "finished": Out(1),
            "total": Out(bits_for(255 * network.fan_in)),
            "highest": Out(PIXEL_BITS),
            "lowest": Out(PIXEL_BITS),
        })

    def elaborate(self, platform) -> Module:
        network = self._network
        m = Module()
        m.submodules.memory = memory = FieldPixels(network, self._build)
        memory.follow(m, self)

        first = delayed(m, self.begin, PIXEL_LATENCY, "first", reset_less=False)
        left = Signal(range(network.fan_in))
        total, highest, lowest = (Signal.like(port, name=name, reset_less=True) for name, port in (
            ("sum", self.total), ("maximum", self.highest), ("minimum", self.lowest)))
        pixel = memory.pixel
        with m.If(first):
            m.d.sync += [total.eq(pixel), highest.eq(pixel), lowest.eq(pixel),
                         left.eq(network.fan_in - 1)]
        with m.Else():
            m.d.sync += total.eq(total + pixel)
            with m.If(pixel > highest):
                m.d.sync += highest.eq(pixel)
            with m.If(pixel < lowest):
                m.d.sync += lowest.eq(pixel)
            with m.If(left != 0):
                m.d.sync += left.eq(left - 1)
        m.d.sync += self.finished.eq(Mux(first, network.fan_in == 1, left == 1))
        m.d.comb += [self.total.eq(total), self.highest.eq(highest), self.lowest.eq(lowest)]
        return m


class Survey(wiring.Component):
    """Looks at all positions in order and passes on those that are not silent, and the last.

    Several surveyors take positions in turn, one every ``pace`` cycles: at least twice as fast as
    the slots score, so that silent positions cost no time as long as they are not more than half.
    With `Build.overlap` the next sample's may follow without a pause.

    Parameters
    ----------
    network, build
        Geometry, and positions side by side.

    Attributes
    ----------
    pace : int
        Cycles from a position to the next.
    queue : int
        Most positions that are looked at or wait at once.
    latency : int
        Cycles from ``start`` to the first of ``fields``, if position 0 is not silent.
    judging_latency : int
        Cycles from a position being taken, the first one in the cycle after ``start``, to the one
        in which it is known whether it is silent.

    Members
    -------
    pixels : In(PixelPort(network, build)), written_bank : In(range(BANKS))
        See `FieldPixels`.
    start : In(1)
        Begin with position 0; the pixels are complete. Only if ``ready``.
    bank : In(range(BANKS))
        Where they are, from the cycle after ``start`` to the next ``start``: the banks take turns,
        from 1 on. With `Build.overlap` only.
    ready : Out(1)
        All positions are being looked at, or have been. Low from the cycle after ``start``.
    silence : In(9)
        A position whose peak is below is silent. Held while samples are in the stage.
    fields : Out(stream.Signature(Field(network, build)))
        The positions that are not silent, and the last of each sample, in order.
    """

    queue = 32

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._build = network, build
        self.pace = max(1, network.fan_in // (2 * build.positions))
        division = PIXEL_BITS + 2 if network.encoding == Encoding.CONTRAST else 0
        self.judging_latency = 1 + PIXEL_LATENCY + network.fan_in + 1 + division + 2
        self.latency = 1 + self.judging_latency + QUEUE_CYCLES
        super().__init__({
            "pixels": In(PixelPort(network, build)),
            **({"bank": In(range(BANKS)), "written_bank": In(range(BANKS))}
               if build.overlap else {}),
            "start": In(1),
            "ready": Out(1),
            "silence": In(PIXEL_BITS + 1),
            "fields": Out(stream.Signature(Field(network, build))),
        })

    def elaborate(self, platform) -> Module:
        network = self._network
        contrast = network.encoding == Encoding.CONTRAST
        m = Module()

        # Which position next, and who takes it.
        place = Signal(index_shape(network.fan_in))
        m.submodules.offset = offset = ConstantTable(network.offset)
        m.submodules.origin = origin = ConstantTable(network.origin)
        m.d.sync += place.eq(Mux(place == network.fan_in - 1, 0, place + 1))
        position = Signal(index_shape(network.positions))
        waiting = Signal()  # positions have yet to be taken
        pause = Signal(range(self.pace))
        crowd = Signal(range(self.queue + 1))  # looked at, or in the queue
        take, taken = Signal(), Signal()
        judged, silent = Signal(), Signal()
        last = Signal()  # of the sample, with `judged`
        passed_on = Signal()
        m.d.comb += [
            offset.index.eq(place),
            origin.index.eq(position),
            self.ready.eq(~waiting),
            take.eq(waiting & (pause == 0) & (crowd != self.queue)),
            passed_on.eq(self.fields.valid & self.fields.ready),
        ]
        m.d.sync += [
            taken.eq(take),
            crowd.eq(crowd + take - (judged & silent & ~last) - passed_on),
        ]
        with m.If(pause != 0):
            m.d.sync += pause.eq(pause - 1)
        with m.If(self.start):
            m.d.sync += [waiting.eq(1), position.eq(0)]
        with m.Elif(take):
            m.d.sync += [position.eq(position + 1), pause.eq(self.pace - 1)]
            with m.If(position == network.positions - 1):
                m.d.sync += waiting.eq(0)

        count = -(-network.fan_in // self.pace)
        turn = Signal(count, init=1)
        with m.If(taken):
            m.d.sync += turn.eq(turn.rotate_left(1))
        surveyors = []
        for index in range(count):
            m.submodules[f"surveyor_{index}"] = surveyor = Surveyor(network, self._build)
            surveyors.append(surveyor)
            wiring.connect(m, wiring.flipped(self.pixels), surveyor.pixels)
            m.d.comb += [
                surveyor.offset.eq(offset.value),
                surveyor.origin.eq(origin.value),
                surveyor.begin.eq(taken & turn[index]),
            ]
            if self._build.overlap:
                m.d.comb += [surveyor.bank.eq(self.bank),
                             surveyor.written_bank.eq(self.written_bank)]

        # One finishes per cycle, at most.
        finished = Signal()
        total = Signal.like(surveyors[0].total, reset_less=True)
        highest, lowest = Signal(PIXEL_BITS, reset_less=True), Signal(PIXEL_BITS, reset_less=True)

        def of_finished(name: str):
            chosen = 0
            for surveyor in surveyors:
                value = getattr(surveyor, name)
                chosen = chosen | value & surveyor.finished.replicate(len(value))
            return chosen

        m.d.sync += [finished.eq(of_finished("finished")), total.eq(of_finished("total")),
                     highest.eq(of_finished("highest"))]
        if contrast:
            m.d.sync += lowest.eq(of_finished("lowest"))
            mean, highest, lowest, finished = self._mean(m, total, highest, lowest, finished)
            above, below = Signal(PIXEL_BITS, reset_less=True), Signal(PIXEL_BITS, reset_less=True)
            m.d.sync += [above.eq(highest - mean), below.eq(mean - lowest)]
            highest = Mux(above > below, above, below)
            mean = delayed(m, mean, 1, "mean_deviations")
            finished = delayed(m, finished, 1, "deviated", reset_less=False)
        else:
            mean = Signal(PIXEL_BITS)
        peak = Signal(PIXEL_BITS, reset_less=True)
        m.d.sync += peak.eq(highest)
        finished = delayed(m, finished, 1, "peaked", reset_less=False)

        # The highest bit set decides: bit_length(peak) - code_bits, at least 0.
        overlap = self._build.overlap
        field = Signal(Field(network, self._build), init={"bank": 1} if overlap else {})
        given = Signal.like(field)
        m.d.comb += [
            last.eq(field.position == network.positions - 1),
            given.eq(field),
            given.silent.eq(silent),
        ]
        m.d.sync += [
            judged.eq(finished),
            silent.eq(peak < self.silence),
            field.mean.eq(delayed(m, mean, 1, "mean_peak") if contrast else 0),
            field.shift.eq(0),
        ]
        for bit in range(network.code_bits, PIXEL_BITS):
            with m.If(peak[bit]):
                m.d.sync += field.shift.eq(bit + 1 - network.code_bits)
        with m.If(judged):
            m.d.sync += field.position.eq(Mux(last, 0, field.position + 1))
            if overlap:
                m.d.sync += field.bank.eq(field.bank + last)
        m.submodules.queue = queue = SyncFIFOBuffered(width=field.shape().size,
                                                      depth=self.queue)
        m.d.comb += [
            queue.w_data.eq(given),
            queue.w_en.eq(judged & (~silent | last)),
            self.fields.payload.eq(queue.r_data),
            self.fields.valid.eq(queue.r_rdy),
            queue.r_en.eq(passed_on),
        ]
        return m

    def _mean(self, m: Module, total: Signal, highest: Signal, lowest: Signal, finished: Signal):
        """``(2 * total + fan_in) // (2 * fan_in)``, below 256, a bit in each of 8 cycles; and what
        goes with it."""
        fan_in = self._network.fan_in
        remainder = Signal(bits_for(512 * fan_in - 1), reset_less=True)
        m.d.sync += remainder.eq(2 * total + fan_in)
        mean = Signal(0)
        for bit in reversed(range(PIXEL_BITS)):
            divisor = 2 * fan_in << bit
            fits = Signal(name=f"fits_{bit}")
            next_remainder = Signal(bits_for(divisor - 1),
                                    name=f"remainder_{bit}", reset_less=True)
            next_mean = Signal(PIXEL_BITS - bit, name=f"mean_{bit}", reset_less=True)
            m.d.comb += fits.eq(remainder >= divisor)
            m.d.sync += [
                next_remainder.eq(Mux(fits, remainder - divisor, remainder)),
                next_mean.eq(mean << 1 | fits),
            ]
            remainder, mean = next_remainder, next_mean
        highest = delayed(m, highest, PIXEL_BITS + 1, "highest")
        lowest = delayed(m, lowest, PIXEL_BITS + 1, "lowest")
        return mean, highest, lowest, delayed(m, finished, PIXEL_BITS + 1, "divided",
                                              reset_less=False)
