"""The machine: sample packets in, result packets out, state and rules beside them."""

from typing import NamedTuple

from amaranth import C, Module, Mux, Signal, Value
from amaranth.hdl import ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, PureInterface, connect, flipped

from crosswall.spec.build import Build
from crosswall.spec.draws import STATIC_SAMPLE
from crosswall.spec.network import PIXEL_BITS, Network, Neuron
from crosswall.spec.sample import SAMPLE_HEADER_BYTES
from crosswall.spec.state import StateMemory, memory_shapes

from .bus import PacketSignature, sample_signature
from .clustering import ClusteringStage
from .control import (
    ClusteringTallies,
    ReadoutTallies,
    RuleValues,
    SampleControl,
    index_shape,
    share,
)
from .draws import draw_unit
from .ledger import Ledger, ledger_unit
from .memory import SharedMemory
from .plasticity import PlasticityEngine
from .readout import ReadoutStage
from .results import ResultSender
from .state import StateWindow, WindowPort
from .wide import WideClusteringStage, clustering_stage

__all__ = ["Machine"]

_BUSY_BITS = 64


class _Parts(NamedTuple):
    """The machine's blocks, as its order of work sees them."""

    clustering: ClusteringStage | WideClusteringStage
    readout: ReadoutStage
    ledger: Ledger
    sender: ResultSender
    window: StateWindow
    loaded: Signal
    """Control of the sample that is being loaded."""
    reading_out: Signal
    """What draws and pulses serves the read-out."""


class Machine(wiring.Component):
    """The learning machine: every sample packet is processed and answered, in order.

    A sample is loaded (a byte of its header or up to `Build.pixels_at_once` pixels a cycle),
    clustered, read out and taught if it asks for a prediction, and answered (a byte a cycle),
    while the ledger is brought up to date.

    Without `Build.overlap` one sample at a time is in the machine, but for the ledger. With it
    these are five stations, as a sample is encoded before it is clustered, each with a sample of
    its own, in order; each hands its sample on as soon as the next station is free, in 3 cycles at
    most. Results are the same, because a station alone uses what its samples read and write, and
    these exceptions are in force:

    - A sample that draws while it is clustered (it learns or refines clustering, or neurons race)
      waits with that until no sample that may be taught is being read out: both would need what
      draws and what pulses.
    - A sample that asks for a prediction waits with its read-out until the scores of the one
      before it, if they are asked for, have been sent.
    - A sample is answered when the ledger has taken the one before it.

    - With positions side by side what is encoded is also scored, as slots come free, while rankings
      of the sample before are still to come. A sample that learns clustering shares both stations
      with no other.

    So a sample takes as many cycles as its slowest station. State window and captures are served
    while no sample is in the machine; they go before a sample that waits.

    A sample whose packet is too short or too long is processed all the same, with old pixels or
    without the excess: what comes in can neither wedge the machine nor lose an answer. (The link
    refuses such packets.)

    Parameters
    ----------
    network, build
        What is computed, and how.
    single_port_primitive
        Of single-port RAM; see `WallMemory`.

    Members
    -------
    samples : In(sample_signature(build.pixels_at_once))
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
                 single_port_primitive: str = "inferred") -> None:
        build.check_fits(network)
        self._network, self._build = network, build
        self._single_port_primitive = single_port_primitive
        super().__init__({
            "samples": In(sample_signature(build.pixels_at_once)),
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

        primitive = self._single_port_primitive
        earlier, later = Signal(), Signal()  # a sample is loaded or clustered; what follows
        clustering_memories, readout_memories = self._shared_memories(m, earlier, later)
        m.submodules.clustering = clustering = clustering_stage(
            network, self._build, primitive=primitive, **clustering_memories)
        m.submodules.readout = readout = ReadoutStage(network, self._build, primitive=primitive,
                                                      **readout_memories)
        m.submodules.engine = engine = PlasticityEngine(network, self._build, primitive=primitive)
        m.submodules.draws = draws = draw_unit(self._build)()
        m.submodules.ledger = ledger = ledger_unit(network, self._build)
        m.submodules.sender = sender = ResultSender(network, overlap=self._build.overlap)
        m.submodules.window = window = StateWindow(network, self._build)

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

        # The stages never draw at once: they share what draws and what pulses.
        reading_out = Signal()
        m.d.comb += [
            engine.readout.eq(reading_out),
            draws.seed.eq(self.rules.seed),
            draws.sample.eq(Mux(reading_out, readout.sample.number, clustering.sample.number)),
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
        loaded = Signal(SampleControl)
        m.d.comb += [
            clustering.rules.eq(self.rules),
            readout.rules.eq(self.rules),
            readout.accumulate.eq(clustering.sample.flags.predict),
            ledger.stdp.eq(self.rules.stdp),
            ledger.capture.eq(self.capture),
            sender.score.eq(readout.score),
            readout.score_class.eq(sender.score_class),
            sender.ranked.eq(clustering.rankings.valid & clustering.rankings.ready),
            sender.ranking.eq(clustering.rankings.payload),
        ]
        parts = _Parts(clustering, readout, ledger, sender, window, loaded, reading_out)
        empty = self._overlap(m, parts) if self._build.overlap else self._take_turns(
            m, parts, earlier, later)
        m.d.comb += self.idle.eq(empty & ~self.samples.valid & ~ledger.busy)
        with m.If(~empty):
            m.d.sync += self.busy_cycles.eq(self.busy_cycles + 1)
        return m

    def _shared_memories(self, m: Module, earlier: Signal, later: Signal) -> tuple[
            dict[str, PureInterface], dict[str, PureInterface]]:
        """Ports of memories that clustering and read-out share, as arguments of their stages.

        Stages that take turns do not use them at once: thresholds and scores, which waste most of
        a block RAM each; and pixels, and the bits of the read-out's walls that conductances do not
        use, as neither needs a second port.
        """
        network, build = self._network, self._build
        if not build.spares_block_ram:
            return {}, {}
        shapes = memory_shapes(network, build)
        m.submodules.levels = levels = SharedMemory(
            shapes[StateMemory.THRESHOLDS].rows, network.classes, 1,
            max(network.threshold_bits, network.score_bits), late=True)
        m.d.comb += levels.second_turn.eq(later)
        clustering, readout = {"threshold_rows": levels.first}, {"score_rows": levels.second}
        walls, low_bits = shapes[StateMemory.READOUT_WALLS], network.conductance_shift
        if walls.lanes * low_bits == PIXEL_BITS and build.pixels_at_once == 1:
            m.submodules.bytes = bytes_ = SharedMemory(
                walls.rows, network.pixels, walls.lanes, low_bits, kind=build.readout_memory,
                primitive=self._single_port_primitive)
            m.d.comb += bytes_.second_turn.eq(earlier)
            readout["low_rows"], clustering["pixel_rows"] = bytes_.first, bytes_.second
        return clustering, readout

    def _loading(self, m: Module, parts: _Parts, others_empty: ValueLike) -> Signal:
        """Adds the states that load a sample to the FSM being built, from BETWEEN to LOADED,
        which is the caller's; the value says that no sample is being loaded or waits."""
        window, at_once = parts.window, self._build.pixels_at_once
        sample, pixels = parts.loaded, parts.clustering.pixels
        payload = self.samples.payload
        byte, present = (payload.data, C(1, 1)) if at_once == 1 else (
            payload.data[0], payload.present)
        header_place = Signal(range(SAMPLE_HEADER_BYTES))
        last_row, last_place = divmod(self._network.pixels - 1, at_once)
        row = Signal(index_shape(last_row + 1))
        pixels_loaded = Signal()
        between = Signal()
        m.d.comb += [
            pixels.address.eq(row),
            pixels.data.eq(payload.data),
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

        with m.State("BETWEEN"):
            m.d.sync += [header_place.eq(0), row.eq(0), pixels_loaded.eq(0)]
            with m.If(window.request):
                m.d.comb += [between.eq(1), window.grant.eq(others_empty & ~parts.ledger.busy)]
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
                pixels.enable.eq(Mux(self.samples.valid & ~pixels_loaded, present, 0)),
            ]
            with m.If(self.samples.valid):
                m.d.sync += [
                    row.eq(row + present[-1]),
                    pixels_loaded.eq(pixels_loaded | (row == last_row) & present[last_place]),
                ]
                with m.If(self.samples.payload.last):
                    m.next = "LOADED"
        return between

    def _take_turns(self, m: Module, parts: _Parts, earlier: Signal, later: Signal) -> Value:
        """One sample after the other; the value says that none is in the machine."""
        clustering, readout, ledger, sender, _, sample, reading_out = parts
        refined = clustering.tallies.refined if self._network.labelled_neurons else 0
        m.d.comb += [
            clustering.sample.eq(sample),
            readout.sample.eq(sample),
            ledger.control.eq(sample),
            ledger.clustering.eq(clustering.tallies),
            ledger.readout.eq(readout.tallies),
            sender.sample.eq(sample),
            sender.prediction.eq(readout.prediction),
            sender.taught.eq(readout.tallies.taught),
            sender.refined.eq(refined),
        ]
        with m.FSM() as order:
            between = self._loading(m, parts, others_empty=1)

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
        m.d.comb += [
            later.eq(order.ongoing("READ-OUT") | order.ongoing("ANSWER") | order.ongoing("SEND")),
            earlier.eq(~later & ~order.ongoing("BETWEEN")),
        ]
        return between

    def _overlap(self, m: Module, parts: _Parts) -> Value:
        """A sample in each station; the value says that none is in the machine."""
        network = self._network
        clustering, readout, ledger, sender, _, loaded, reading_out = parts

        # What goes from station to station: a sample's control and its tallies. Winners have
        # banks in the sender.
        encoded, clustered, read, answered = (
            Signal(SampleControl, name=name)
            for name in ("encoded", "clustered", "read", "answered"))
        read_clustering = Signal(ClusteringTallies(network))
        answered_clustering = Signal.like(read_clustering)
        answered_readout = Signal(ReadoutTallies(network))
        prediction = Signal.like(readout.prediction)
        m.d.comb += [
            clustering.sample.eq(clustered),
            readout.sample.eq(read),
            ledger.control.eq(answered),
            ledger.clustering.eq(answered_clustering),
            ledger.readout.eq(answered_readout),
            sender.sample.eq(answered),
            sender.prediction.eq(prediction),
            sender.taught.eq(answered_readout.taught),
            sender.refined.eq(answered_clustering.refined if network.labelled_neurons else 0),
        ]
        encode, cluster, read_out, answer = Signal(), Signal(), Signal(), Signal()  # hand-overs
        with m.If(encode):
            m.d.sync += encoded.eq(loaded)
        with m.If(cluster):
            m.d.sync += [clustered.eq(encoded), sender.ranked_bank.eq(sender.ranked_bank + 1)]
        with m.If(read_out):
            m.d.sync += [read.eq(clustered), read_clustering.eq(clustering.tallies)]
        with m.If(answer):
            m.d.sync += [
                answered.eq(read),
                answered_clustering.eq(read_clustering),
                answered_readout.eq(readout.tallies),
                prediction.eq(readout.prediction),
                sender.sent_bank.eq(sender.sent_bank + 1),
            ]

        encoding_free, clustering_free = Signal(), Signal()
        reading_free, answering_free = Signal(), Signal()
        others_empty = encoding_free & clustering_free & reading_free & answering_free
        reading = Signal()
        m.d.comb += reading_out.eq(reading & read.flags.learn_readout)

        def draws(sample: SampleControl) -> Value:
            """It does, while it is clustered."""
            return (sample.flags.learn_clustering | sample.flags.refine_clustering
                    | (network.neuron == Neuron.RACE))

        # Positions side by side are scored as soon as they are encoded, others when the stage is
        # given to their sample.
        may_encode, may_cluster = Signal(), Signal()
        if isinstance(clustering, WideClusteringStage):
            alone = draws(loaded) | clustered.flags.learn_clustering
            m.d.comb += [
                may_encode.eq((clustering_free | ~alone) & ~(draws(loaded) & reading_out)),
                may_cluster.eq(1),
            ]
        else:
            m.d.comb += [may_encode.eq(1), may_cluster.eq(~(draws(encoded) & reading_out))]
        scores_wait = Signal()  # in the read-out stage, to be sent
        m.d.comb += scores_wait.eq(~answering_free & answered.flags.predict
                                   & answered.flags.send_scores & clustered.flags.predict)

        with m.FSM(name="loading"):
            between = self._loading(m, parts, others_empty)

            with m.State("LOADED"):
                with m.If(encoding_free & clustering.ready & may_encode):
                    m.d.comb += encode.eq(1)
                    m.next = "BETWEEN"

        with m.FSM(name="encoding_station"):
            with m.State("FREE"):
                m.d.comb += encoding_free.eq(1)
                with m.If(encode):
                    m.next = "START"
            with m.State("START"):
                m.d.comb += clustering.start.eq(1)
                m.next = "ENCODE"
            with m.State("ENCODE"):
                with m.If(clustering_free & may_cluster):
                    m.d.comb += [cluster.eq(1), clustering.give.eq(1)]
                    m.next = "FREE"

        with m.FSM(name="clustering_station"):
            with m.State("FREE"):
                m.d.comb += clustering_free.eq(1)
                with m.If(cluster):
                    m.next = "CLUSTER"
            with m.State("CLUSTER"):
                with m.If(clustering.done):
                    m.next = "DONE"
            with m.State("DONE"):
                with m.If(reading_free & ~scores_wait):
                    m.d.comb += read_out.eq(1)
                    m.next = "FREE"

        with m.FSM(name="reading_station"):
            with m.State("FREE"):
                m.d.comb += reading_free.eq(1)
                with m.If(read_out):
                    m.next = "DONE"
                    with m.If(clustered.flags.predict):
                        m.next = "START"
            with m.State("START"):
                m.d.comb += [readout.start.eq(1), reading.eq(1)]
                m.next = "READ-OUT"
            with m.State("READ-OUT"):
                m.d.comb += reading.eq(1)
                with m.If(readout.done):
                    m.next = "DONE"
            with m.State("DONE"):
                with m.If(answering_free & ~ledger.busy):
                    m.d.comb += answer.eq(1)
                    m.next = "FREE"

        with m.FSM(name="answering_station"):
            with m.State("FREE"):
                m.d.comb += answering_free.eq(1)
                with m.If(answer):
                    m.next = "START"
            with m.State("START"):
                m.d.comb += [sender.start.eq(1), ledger.start.eq(1)]
                m.next = "SEND"
            with m.State("SEND"):
                with m.If(sender.done):
                    m.next = "FREE"
        return between & others_empty
