"""The clustering stage: encoder, crossbars, ranking and their plasticity."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crosswall.spec.build import Build
from crosswall.spec.network import Network, Neuron
from crosswall.spec.race import STEP_BITS
from crosswall.spec.state import StateMemory, memory_shapes

from .control import (
    ClusteringTallies,
    PixelPort,
    Ranking,
    RuleValues,
    SampleControl,
    index_shape,
    share,
)
from .crossbar import Crossbar
from .draws import DrawPort
from .encoder import Encoder
from .homeostasis import Homeostasis
from .learner import Learner
from .memory import ConstantTable, StateAccess, WallMemory
from .plasticity import PulsePort
from .race import Race
from .rivals import Rivals
from .state import StatePort
from .winner import Winner, activation_shape

__all__ = ["ClusteringStage", "clustering_ports"]


def clustering_ports(network: Network, build: Build) -> dict[str, wiring.Member]:
    """Ports of a clustering stage, whatever it is made of."""
    shapes = memory_shapes(network, build)
    return {
        "start": In(1),
        "done": Out(1),
        "sample": In(SampleControl),
        "rules": In(RuleValues),
        "pixels": In(PixelPort(network)),
        "rankings": Out(stream.Signature(Ranking(network))),
        "tallies": Out(ClusteringTallies(network)),
        "walls": In(StatePort(shapes[StateMemory.CLUSTERING_WALLS])),
        "thresholds": In(StatePort(shapes[StateMemory.THRESHOLDS])),
        "draws": Out(DrawPort()),
        "pulses": Out(PulsePort(network, build)),
        **({"static_draws": Out(DrawPort())} if build.static_spread else {}),
    }


class ClusteringStage(wiring.Component):
    """Scores, and if asked learns, the positions of a sample in order.

    Equal to steps 1 to 4 of ``docs/architecture.md`` for every geometry and number of lanes. While
    one position is scored, the next is encoded. Without learning, and if all positions share one
    crossbar, the last neurons of a position are ranked while the next is scored.

    A scored position takes ``groups * max(active lines, lanes) + 1`` cycles, or as long as the
    encoder needs if that is more (75 for 25 pixels with contrast). With learning, or a crossbar
    for each position, ranking adds ``lanes + 9``, and with racing neurons the race's steps, of
    ``Race.step_cycles`` each; learning adds ``max(lines + 22, neurons + 5)``
    (2 less without static spread; for a compact build see `Learner`).

    Parameters
    ----------
    network, build
        Geometry and lanes; ValueError if they do not fit each other.

    Members
    -------
    start, done : In(1), Out(1)
        One cycle each. ``done`` follows the last ranking's acceptance.
    sample : In(SampleControl), rules : In(RuleValues)
        Held from ``start`` to ``done``.
    pixels : In(PixelPort(network))
        The sample; written before ``start``.
    rankings : Out(stream.Signature(Ranking(network)))
        One for each position, in order.
    tallies : Out(ClusteringTallies(network))
        Cleared at ``start``, stable from ``done`` to the next ``start``.
    draws : Out(DrawPort()), pulses : Out(PulsePort(network, build))
        Used between ``start`` and ``done``.
    static_draws : Out(DrawPort())
        Likewise; with static spread only.
    walls, thresholds : In(StatePort)
        Used between ``done`` and ``start``.
    """

    def __init__(self, network: Network, build: Build) -> None:
        build.check_fits(network)
        self._network, self._build = network, build
        self._shape = memory_shapes(network, build)[StateMemory.CLUSTERING_WALLS]
        super().__init__(clustering_ports(network, build))

    def elaborate(self, platform) -> Module:
        network, build = self._network, self._build
        m = Module()
        m.submodules.encoder = encoder = Encoder(network, build)
        m.submodules.crossbar = crossbar = Crossbar(network, build)
        racing = network.neuron == Neuron.RACE
        m.submodules.winner = winner = Race(network, build) if racing else Winner(network)
        m.submodules.homeostasis = homeostasis = Homeostasis(network, build)
        m.submodules.learner = learner = Learner(network, build)
        header = encoder.headers.payload
        flags = self.sample.flags
        learns = Signal()  # this sample may write walls
        writes = Signal()  # this position does
        refines = Signal()
        rival_turn = Signal()
        written = Signal.like(winner.winners[0])
        m.d.comb += [
            learns.eq(flags.learn_clustering),
            writes.eq(flags.learn_clustering),
            written.eq(winner.winners[0]),
        ]
        if network.labelled_neurons:
            m.submodules.rivals = rivals = Rivals(network)
            labelled = Signal()
            m.d.comb += [
                refines.eq(flags.refine_clustering),
                labelled.eq(self.sample.label < network.classes),
                rivals.label.eq(self.sample.label),
                rivals.margin.eq(self.rules.refinement_margin),
                learner.refines.eq(refines),
                learner.depresses.eq(rival_turn),
                homeostasis.refines.eq(refines),
                homeostasis.rival.eq(rivals.rival),
            ]
            with m.If(refines):
                m.d.comb += [learns.eq(1), writes.eq(labelled & rivals.missed)]
            with m.Elif(flags.guide_clustering):
                m.d.comb += writes.eq(flags.learn_clustering & labelled)
            with m.If(refines | flags.guide_clustering):
                m.d.comb += written.eq(Mux(rival_turn, rivals.rival, rivals.own))

        # What a position's number stands for.
        position = Signal(index_shape(network.positions))
        place_base = Signal(index_shape(network.positions * network.lines))
        rows = [crossbar_ * network.lines * build.groups(network)
                for crossbar_ in network.crossbar]
        m.submodules.row_base = row_base = ConstantTable(rows)
        m.submodules.threshold_base = threshold_base = ConstantTable(
            [crossbar_ * network.neurons for crossbar_ in network.crossbar])
        m.d.comb += [row_base.index.eq(position), threshold_base.index.eq(position)]

        wiring.connect(m, wiring.flipped(self.pixels), encoder.pixels)
        wiring.connect(m, wiring.flipped(self.thresholds), homeostasis.state)
        wiring.connect(m, learner.pulses, wiring.flipped(self.pulses))
        if build.static_spread:
            wiring.connect(m, learner.static_draws, wiring.flipped(self.static_draws))
        activation = Signal(activation_shape(network), reset_less=True)
        neuron = Signal.like(crossbar.neuron, reset_less=True)
        activation_valid = Signal()
        m.d.sync += [
            activation.eq(crossbar.current - homeostasis.threshold),
            neuron.eq(crossbar.neuron),
            activation_valid.eq(crossbar.current_valid),
        ]
        m.d.comb += [
            encoder.start.eq(self.start),
            encoder.silence.eq(self.rules.silence),
            encoder.slot.eq(crossbar.slot),
            encoder.pixel.eq(learner.pixel),
            crossbar.event.eq(encoder.event),
            crossbar.events.eq(header.active_lines),
            crossbar.row_base.eq(row_base.value),
            homeostasis.rules.eq(self.rules),
            homeostasis.row_base.eq(threshold_base.value),
            homeostasis.neuron.eq(crossbar.upcoming),
            homeostasis.winner.eq(written),
            homeostasis.start.eq(learner.start & ~rival_turn),
            winner.activation.eq(activation),
            winner.neuron.eq(neuron),
            winner.valid.eq(activation_valid),
            learner.sample.eq(self.sample),
            learner.rules.eq(self.rules),
            learner.place_base.eq(place_base),
            learner.row_base.eq(row_base.value),
            learner.winner.eq(written),
            learner.code.eq(encoder.code),
        ]
        if network.labelled_neurons:
            m.d.comb += [
                rivals.activation.eq(activation),
                rivals.neuron.eq(neuron),
                rivals.valid.eq(activation_valid),
            ]
        self._connect_walls(m, crossbar, learner)
        race_base = Signal(DrawPort().members["place"].shape)
        if racing:
            share(m, self.draws, learner.draws, winner.draws, winner.busy)
            m.d.comb += [
                winner.rules.eq(self.rules),
                winner.predict.eq(self.sample.flags.predict),
                winner.place_base.eq(race_base),
            ]
        else:
            wiring.connect(m, learner.draws, wiring.flipped(self.draws))

        # Rankings. At most one position is being scored while another's ranking waits, so the
        # ranking unit can hold its result until the stream is free.
        scoring = Signal(range(3))
        scored = Signal()
        waiting = Signal()
        ranked = Signal()
        silent = Signal()
        ranking = self.rankings.payload
        region = self._region(m, ranking.position, ranked | silent)
        m.d.comb += [
            ranked.eq((winner.done | waiting) & ~self.rankings.valid),
            ranking.region.eq(region),
        ]
        m.d.sync += [
            waiting.eq((winner.done | waiting) & ~ranked),
            scoring.eq(scoring + crossbar.start - ranked),
        ]
        with m.If(ranked | silent):
            m.d.sync += [
                self.rankings.valid.eq(1),
                ranking.silent.eq(silent),
                ranking.winners.eq(winner.winners),
            ]
        with m.Elif(self.rankings.ready):
            m.d.sync += self.rankings.valid.eq(0)

        # Order of the positions.
        may_score = Signal()
        ahead = network.crossbars == 1 and not racing  # the next may be scored meanwhile
        with m.If(learns | (not ahead)):
            m.d.comb += may_score.eq(scoring == 0)
        with m.Else():
            m.d.comb += may_score.eq(scoring + self.rankings.valid < 2)

        def next_position() -> None:
            m.d.comb += encoder.headers.ready.eq(1)
            m.d.sync += [
                position.eq(position + 1),
                place_base.eq(place_base + network.lines),
                race_base.eq(race_base + (network.neurons << STEP_BITS)),
            ]
            m.next = "POSITION"
            with m.If(position == network.positions - 1):
                m.next = "FINISH"

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [position.eq(0), place_base.eq(0), race_base.eq(0)]
                with m.If(self.start):
                    m.next = "POSITION"
            with m.State("POSITION"):
                with m.If(encoder.headers.valid):
                    with m.If(header.silent):
                        with m.If((scoring == 0) & ~self.rankings.valid):
                            m.d.comb += silent.eq(1)
                            next_position()
                    with m.Elif(may_score):
                        m.d.comb += [crossbar.start.eq(1), scored.eq(1)]
                        m.next = "SCORE"
            with m.State("SCORE"):
                with m.If(crossbar.finishing):
                    with m.If(learns | (not ahead)):
                        m.next = "RANK"
                    with m.Else():
                        next_position()
            with m.State("RANK"):
                with m.If(winner.done):
                    with m.If(learns):
                        m.next = "TEACH" if network.labelled_neurons else "LEARN"
                        if not network.labelled_neurons:
                            m.d.comb += learner.start.eq(1)
                    with m.Else():
                        next_position()
            if network.labelled_neurons:
                with m.State("TEACH"):
                    with m.If(writes):
                        m.d.comb += learner.start.eq(1)
                        m.next = "LEARN"
                    with m.Else():
                        next_position()
            with m.State("LEARN"):
                with m.If(~learner.busy & ~homeostasis.busy):
                    m.d.sync += rival_turn.eq(refines & ~rival_turn)
                    with m.If(refines & ~rival_turn):
                        m.next = "RIVAL" if network.labelled_neurons else "LEARN"
                    with m.Else():
                        next_position()
            if network.labelled_neurons:
                with m.State("RIVAL"):
                    m.d.comb += learner.start.eq(1)
                    m.next = "LEARN"
            with m.State("FINISH"):
                with m.If((scoring == 0) & ~self.rankings.valid):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"

        tallies = self.tallies
        with m.If(self.start):
            m.d.sync += tallies.eq(0)
        with m.Else():
            with m.If(scored):
                m.d.sync += [
                    tallies.scored.eq(tallies.scored + 1),
                    tallies.active_lines.eq(tallies.active_lines + header.active_lines),
                    tallies.codes.eq(tallies.codes + header.codes),
                ]
            with m.If(crossbar.current_valid):
                m.d.sync += tallies.charge.eq(tallies.charge + crossbar.current)
            m.d.sync += [
                tallies.potentiations.eq(tallies.potentiations + learner.potentiated),
                tallies.depressions.eq(tallies.depressions + learner.depressed),
            ]
            if network.labelled_neurons:
                m.d.sync += tallies.refined.eq(tallies.refined | (learner.start & refines))
            if racing:
                m.d.sync += [
                    tallies.fires.eq(tallies.fires + Mux(winner.done, winner.fires, 0)),
                    tallies.race_steps.eq(tallies.race_steps + winner.stepped),
                    tallies.race_inhibitions.eq(tallies.race_inhibitions + winner.inhibited),
                ]
        return m

    def _connect_walls(self, m: Module, crossbar: Crossbar, learner: Learner) -> None:
        """The walls serve the crossbar, then the learner, and the state window between samples."""
        shape = self._shape
        m.submodules.walls = memory = WallMemory(
            shape.rows, shape.lanes, shape.bits, register_address=self._build.compact)
        m.submodules.walls_access = access = StateAccess(shape)
        wiring.connect(m, wiring.flipped(self.walls), access.state)
        wall = Signal(shape.bits, reset_less=True)
        lane = learner.winner[:ceil_log2(shape.lanes)]
        m.d.sync += wall.eq(memory.read_data[lane] if shape.lanes > 1 else memory.read_data[0])
        m.d.comb += [
            crossbar.walls.eq(memory.read_data),
            learner.wall.eq(wall),
            memory.read_row.eq(crossbar.row),
            memory.write_row.eq(learner.write_row),
            memory.write_enable.eq(learner.write_enable << lane if shape.lanes > 1
                                   else learner.write_enable),
        ]
        m.d.comb += [word.eq(learner.write_wall) for word in memory.write_data]
        with m.If(learner.busy):
            m.d.comb += memory.read_row.eq(learner.read_row)
        access.serve(m, memory)

    def _region(self, m: Module, position: Signal, advance: Signal) -> Signal:
        """Numbers the rankings, in ``position``, and gives the region of that number.

        The table answers one cycle after it is asked, so it is asked for the next ranking.
        """
        upcoming = Signal(index_shape(self._network.positions))
        m.submodules.region = table = ConstantTable(self._network.region)
        region = Signal.like(table.value, reset_less=True)
        m.d.comb += table.index.eq(upcoming)
        with m.If(self.start):
            m.d.sync += upcoming.eq(0)
        with m.Elif(advance):
            m.d.sync += [
                upcoming.eq(upcoming + 1),
                position.eq(upcoming),
                region.eq(table.value),
            ]
        return region
