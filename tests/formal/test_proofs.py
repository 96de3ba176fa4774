"""Small blocks, proved for all inputs: the saturating update of a wall, the rules of a stream."""

import pytest
from amaranth.hdl import Assert, Assume, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from crosswall.errors import ToolError
from crosswall.spec.build import Build
from crosswall.spec.device_table import MAX_PULSE_SHIFT, STEP_BITS
from crosswall.spec.network import whole_image
from crosswall_hdl.link.cobs import CobsDecoder
from crosswall_hdl.plasticity import PlasticityEngine
from tests.formal.prove import prove


class OnePulse(wiring.Component):
    """A plasticity engine that is given a table of one step, and then one pulse.

    Asserts that the wall moves by ``step << pulse_shift`` and stops at both ends, ``latency``
    cycles later; with ``limit``, that it never gets beyond that, which is false.
    """

    def __init__(self, wall_bits: int, *, compact: bool, limit: int | None = None) -> None:
        self.network = whole_image(3, 2, 2, winners=1, bin_bits=0, quantile_bits=0,
                                   wall_bits=wall_bits)
        self.build = Build(lanes=1, readout_lanes=2, static_spread=False, compact=compact)
        self.limit = limit
        super().__init__({"step": In(signed(STEP_BITS)), "direction": In(1),
                          "pulse_shift": In(range(MAX_PULSE_SHIFT + 1)), "wall": In(wall_bits)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.engine = engine = PlasticityEngine(self.network, self.build)
        inputs = (self.step, self.pulse_shift, self.direction, self.wall)
        cycle = Signal(range(self.cycles + 1))
        m.d.sync += cycle.eq(cycle + 1)
        for value in inputs:
            before = Signal.like(value)
            m.d.sync += before.eq(value)
            with m.If(cycle > 0):
                m.d.comb += Assume(value == before)

        table = engine.clustering_steps
        m.d.comb += [
            table.strobe.eq(cycle < 2), table.write.eq(1), table.row.eq(cycle),
            table.write_data.eq(self.step),
            engine.pulses.valid.eq(cycle == 2), engine.pulses.wall.eq(self.wall),
            engine.pulses.direction.eq(self.direction),
            engine.pulses.pulse_shift.eq(self.pulse_shift),
        ]
        moved = Signal(signed(32))
        highest = self.network.wall_max
        m.d.comb += moved.eq((self.step << self.pulse_shift) + self.wall)
        expected = Mux(moved < 0, 0, Mux(moved > highest, highest, moved))
        m.d.comb += Assert(engine.pulses.result_valid == (cycle == 2 + engine.latency))
        with m.If(cycle == 2 + engine.latency):
            m.d.comb += Assert(engine.pulses.result == expected)
            if self.limit is not None:
                m.d.comb += Assert(engine.pulses.result <= self.limit)
        return m

    @property
    def cycles(self) -> int:
        """From the start to the result."""
        return 3 + PlasticityEngine.latency_of(self.build)


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("wall_bits", [8, 13])
def test_a_wall_moves_by_its_step_and_stops_at_both_ends(wall_bits, compact, tmp_path):
    pulse = OnePulse(wall_bits, compact=compact)
    prove(pulse, tmp_path, cycles=pulse.cycles, induct=False)


def test_what_is_false_of_a_wall_is_not_proved(tmp_path):
    pulse = OnePulse(8, compact=False, limit=254)
    with pytest.raises(ToolError, match="proof did fail"):
        prove(pulse, tmp_path, cycles=pulse.cycles, induct=False)


class DecodedFrames(wiring.Component):
    """A decoder of frames between a source and a sink, which do anything that streams may do.

    Asserts that what is offered holds until it is taken, that the decoder is ready whenever its
    sink is, and that a delimiter right after a delimiter ends a whole frame, an empty one. With
    ``whole``, that every frame is, which is false.
    """

    byte: In(8)
    valid: In(1)
    ready: In(1)

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.decoder = decoder = CobsDecoder()
        wire, frame = decoder.wire, decoder.frame
        m.d.comb += [wire.payload.eq(self.byte), wire.valid.eq(self.valid),
                     frame.ready.eq(self.ready)]
        waiting, byte = Signal(), Signal(8)
        offered, payload = Signal(), Signal.like(frame.payload)
        ended = Signal()
        m.d.sync += [
            waiting.eq(wire.valid & ~wire.ready), byte.eq(self.byte),
            offered.eq(frame.valid & ~frame.ready), payload.eq(frame.payload),
            ended.eq(wire.valid & wire.ready & (self.byte == 0)),
        ]
        with m.If(waiting):
            m.d.comb += Assume(self.valid & (self.byte == byte))
        with m.If(offered):
            m.d.comb += Assert(frame.valid & (frame.payload == payload))
        with m.If(self.ready):
            m.d.comb += Assert(wire.ready)
        with m.If(frame.valid & (ended | self._whole)):
            m.d.comb += Assert(~frame.payload.broken)
        return m


def test_a_decoded_frame_is_a_stream_that_never_stalls(tmp_path):
    prove(DecodedFrames(), tmp_path, cycles=3, induct=True)


def test_what_is_false_of_a_frame_is_not_proved(tmp_path):
    with pytest.raises(ToolError, match="proof did fail"):
        prove(DecodedFrames(whole=True), tmp_path, cycles=3, induct=True)
