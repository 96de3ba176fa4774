"""The machine: sample packets in, result packets out, state and rules beside them."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from crosswall.spec.build import Build
from crosswall.spec.draws import STATIC_SAMPLE
from crosswall.spec.network import Network
from crosswall.spec.sample import SAMPLE_HEADER_BYTES
from crosswall.spec.state import StateMemory

from .bus import PacketSignature
from .clustering import ClusteringStage
from .control import RuleValues, SampleControl, index_shape, share
from .draws import draw_unit
from .ledger import Ledger
from .plasticity import PlasticityEngine
from .readout import ReadoutStage
from .results import ResultSender
from .state import StateWindow, WindowPort

__all__ = ["Machine"]

_BUSY_BITS = 64


class Machine(wiring.Component):
    """The learning machine: every sample packet is processed and answered, in order.

    One sample at a time: loaded (a byte a cycle), clustered, read out and taught if it asks for a
    prediction, answered (a byte a cycle). The ledger is brought up to date while the answer is
    sent and the next sample loaded. State window and captures are served between samples; they
    go before a sample that waits.

    A sample whose packet is too short or too long is processed all the same, with old pixels or
    without the excess: what comes in can neither wedge the machine nor lose an answer. (The link
    refuses such packets.)

    Parameters
    ----------
    network, build
        What is computed, and how.
    readout_primitive
        Of the read-out walls' memory; see `WallMemory`.

    Members
    -------
    samples : In(PacketSignature)
        Sample packets (`crosswall.spec.sample`).
    results : Out(PacketSignature)
        A result packet for each of them.
    rules : In(RuleValues)
        Changes only while ``idle``.
    window : In(WindowPort)
        The state window.
    capture : In(1)
        For one cycle: copy the ledger's counters.
    idle : Out(1)
        No sample is being processed or waiting.
    busy_cycles : Out(64)
        Cycles from the first byte of a sample to the last of its answer, over all samples.

    Raises
    ------
    ValueError
        The build does not fit the network.
    """

    def __init__(self, network: Network, build: Build, *,
                 readout_primitive: str = "inferred") -> None:
        build.check_fits(network)
        self._network, self._build = network, build
        self._readout_primitive = readout_primitive
        super().__init__({
            "samples": In(PacketSignature),
            "results": Out(PacketSignature),
            "rules": In(RuleValues),
            "window": In(WindowPort()),
            "capture": In(1),
            "idle": Out(1),
            "busy_cycles": Out(_BUSY_BITS),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        network = self._network

        m.submodules.clustering = clustering = ClusteringStage(network, self._build)
        m.submodules.readout = readout = ReadoutStage(network, self._build,
                                                      primitive=self._readout_primitive)
        m.submodules.engine = engine = PlasticityEngine(network, self._build)
        m.submodules.draws = draws = draw_unit(self._build)()
        m.submodules.ledger = ledger = Ledger(network)
        m.submodules.sender = sender = ResultSender(network)
        m.submodules.window = window = StateWindow(network, self._build)

        sample = Signal(SampleControl)
        connect(m, window.port, flipped(self.window))
        for memory, port in {
            StateMemory.CLUSTERING_WALLS: clustering.walls,
            StateMemory.THRESHOLDS: clustering.thresholds,
            StateMemory.READOUT_WALLS: readout.walls,
            StateMemory.LEDGER: ledger.state,
            StateMemory.CLUSTERING_STEPS: engine.clustering_steps,
            StateMemory.READOUT_STEPS: engine.readout_steps,
            StateMemory.CLUSTERING_GAINS: engine.clustering_gains,
            StateMemory.READOUT_GAINS: engine.readout_gains,
        }.items():
            connect(m, getattr(window, memory.name.lower()), port)

        # The stages never learn at once: they share what draws and what pulses.
        reading_out = Signal()
        m.d.comb += [
            engine.readout.eq(reading_out),
            draws.seed.eq(self.rules.seed),
            draws.sample.eq(sample.number),
        ]
        share(m, draws.draws, clustering.draws, readout.draws, reading_out)
        share(m, engine.pulses, clustering.pulses, readout.pulses, reading_out)
        if self._build.static_spread:
            m.submodules.static_draws = static_draws = draw_unit(self._build)()
            m.d.comb += [
                static_draws.seed.eq(self.rules.static_seed),
                static_draws.sample.eq(STATIC_SAMPLE),
            ]
            share(m, static_draws.draws, clustering.static_draws, readout.static_draws,
                  reading_out)

        connect(m, clustering.rankings, readout.rankings)
        connect(m, sender.results, flipped(self.results))
        m.d.comb += [
            clustering.sample.eq(sample),
            clustering.rules.eq(self.rules),
            readout.sample.eq(sample),
            readout.rules.eq(self.rules),
            ledger.control.eq(sample),
            ledger.stdp.eq(self.rules.stdp),
            ledger.clustering.eq(clustering.tallies),
            ledger.readout.eq(readout.tallies),
            ledger.capture.eq(self.capture),
            sender.sample.eq(sample),
            sender.prediction.eq(readout.prediction),
            sender.taught.eq(readout.tallies.taught),
            sender.refined.eq(clustering.tallies.refined if network.labelled_neurons else 0),
            sender.score.eq(readout.score),
            readout.score_class.eq(sender.score_class),
            sender.ranked.eq(clustering.rankings.valid & clustering.rankings.ready),
            sender.ranking.eq(clustering.rankings.payload),
        ]

        byte = self.samples.payload.data
        header_place = Signal(range(SAMPLE_HEADER_BYTES))
        pixel_place = Signal(index_shape(network.pixels))
        pixels_loaded = Signal()
        m.d.comb += [
            clustering.pixels.address.eq(pixel_place),
            clustering.pixels.data.eq(byte),
        ]

        def load_header_byte() -> None:
            with m.Switch(header_place):
                for place in range(4):
                    with m.Case(place):
                        m.d.sync += sample.number.word_select(place, 8).eq(byte)
                with m.Case(4):
                    m.d.sync += sample.flags.eq(byte)
                with m.Case(5):
                    m.d.sync += sample.label.eq(byte)
                with m.Case(6):
                    m.d.sync += [sample.clustering_pulse_shift.eq(byte[:4]),
                                 sample.clustering_gate_shift.eq(byte[4:])]
                with m.Case(7):
                    m.d.sync += [sample.readout_pulse_shift.eq(byte[:4]),
                                 sample.readout_gate_shift.eq(byte[4:])]

        between = Signal()
        m.d.comb += self.idle.eq(between & ~self.samples.valid & ~ledger.busy)
        with m.If(~between):
            m.d.sync += self.busy_cycles.eq(self.busy_cycles + 1)

        with m.FSM():
            with m.State("BETWEEN"):
                m.d.sync += [header_place.eq(0), pixel_place.eq(0), pixels_loaded.eq(0)]
                with m.If(window.request):
                    m.d.comb += [between.eq(1), window.grant.eq(~ledger.busy)]
                with m.Elif(self.samples.valid):
                    m.next = "HEADER"
                with m.Else():
                    m.d.comb += between.eq(1)

            with m.State("HEADER"):
                m.d.comb += self.samples.ready.eq(1)
                with m.If(self.samples.valid):
                    load_header_byte()
                    m.d.sync += header_place.eq(header_place + 1)
                    with m.If(self.samples.payload.last):
                        m.next = "LOADED"
                    with m.Elif(header_place == SAMPLE_HEADER_BYTES - 1):
                        m.next = "PIXELS"

            with m.State("PIXELS"):
                m.d.comb += [
                    self.samples.ready.eq(1),
                    clustering.pixels.enable.eq(self.samples.valid & ~pixels_loaded),
                ]
                with m.If(self.samples.valid):
                    m.d.sync += [
                        pixel_place.eq(pixel_place + 1),
                        pixels_loaded.eq(pixels_loaded | (pixel_place == network.pixels - 1)),
                    ]
                    with m.If(self.samples.payload.last):
                        m.next = "LOADED"

            with m.State("LOADED"):
                # The previous sample's tallies must stay until the ledger has taken them.
                with m.If(~ledger.busy):
                    m.d.comb += clustering.start.eq(1)
                    m.next = "CLUSTER"

            with m.State("CLUSTER"):
                with m.If(clustering.done):
                    m.next = "ANSWER"
                    with m.If(sample.flags.predict):
                        m.d.comb += readout.start.eq(1)
                        m.next = "READ-OUT"

            with m.State("READ-OUT"):
                m.d.comb += reading_out.eq(1)
                with m.If(readout.done):
                    m.next = "ANSWER"

            with m.State("ANSWER"):
                m.d.comb += [sender.start.eq(1), ledger.start.eq(1)]
                m.next = "SEND"

            with m.State("SEND"):
                with m.If(sender.done):
                    m.next = "BETWEEN"
        return m
