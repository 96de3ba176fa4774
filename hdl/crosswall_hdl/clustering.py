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
from .memory import ConstantTable
from .plasticity import PulsePort
from .race import Race
from .rivals import Rivals
from .state import StatePort
from .walls import CrossbarWalls
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
        "pixels": In(PixelPort(network, build)),
        "rankings": Out(stream.Signature(Ranking(network))),
        "tallies": Out(ClusteringTallies(network)),
        "walls": In(StatePort(shapes[StateMemory.CLUSTERING_WALLS])),
        "thresholds": In(StatePort(shapes[StateMemory.THRESHOLDS])),
        "draws": Out(DrawPort()),
        "pulses": Out(PulsePort(network, build)),
        **({"static_draws": Out(DrawPort())} if build.static_spread else {}),
        **({"ready": Out(1), "give": In(1)} if build.overlap else {}),
    }


class ClusteringStage(wiring.Component):
    """Scores, and if asked learns, the positions of a sample in order.

    Equal to steps 1 to 4 of ``docs/architecture.md`` for every geometry and number of lanes. While
    one position is scored, the next is encoded: of the same sample, or with `Build.overlap` of the
    next one. Without learning, and if all positions share one crossbar, the last neurons of a
    position are ranked while the next is scored.

    A scored position takes ``groups * max(active lines, lanes) + 1`` cycles, or as long as the
    encoder needs if that is more (75 for 25 pixels with contrast). With learning, or a crossbar
    for each position, ranking adds ``lanes + 9`` and one for each cluster of lanes
    (`lane_clusters`; none if compact), and with racing neurons the race's steps, of
    ``Race.step_cycles`` each; learning adds `learning_latency` and
    ``max(lines + 22, neurons + 5)`` (2 less without static spread; with more than 5 clusters of
    lanes the lines take one more for each; for a compact build see `Learner`).

    Parameters
    ----------
    network, build
        Geometry and lanes; ValueError if they do not fit each other.
    primitive
        See `CrossbarWalls`.
    pixel_rows, threshold_rows
        See `Encoder` and `Homeostasis`.

    Attributes
    ----------
    learning_latency : int
        Cycles from a ranking that is learned, or a rival's turn, to the learner's start: 1, or 2
        with labelled neurons; 1 less if compact.

    Members
    -------
    start, done : In(1), Out(1)
        One cycle each. ``done`` follows the last ranking's acceptance.
    ready : Out(1), give : In(1)
        With `Build.overlap` only: ``start``, which comes only if ``ready``, begins with the
        encoding. Scoring waits for ``give``, for one cycle later than ``start``, and after the
        ``done`` of the sample before. Without, they are one.
    sample : In(SampleControl), rules : In(RuleValues)
        Held from ``start``, or from the cycle after ``give``, to ``done``.
    pixels : In(PixelPort(network, build))
        The sample; written before ``start``.
    rankings : Out(stream.Signature(Ranking(network)))
        One for each position, in order.
    tallies : Out(ClusteringTallies(network))
        Cleared at ``start``, or ``give``; stable from ``done`` to the next.
    draws : Out(DrawPort()), pulses : Out(PulsePort(network, build))
        Used between ``start``, or ``give``, and ``done``.
    static_draws : Out(DrawPort())
        Likewise; with static spread only.
    walls, thresholds : In(StatePort)
        Used between ``done`` and ``start``.
    """

    def __init__(self, network: Network, build: Build, *, primitive: str = "inferred",
                 pixel_rows: wiring.PureInterface | None = None,
                 threshold_rows: wiring.PureInterface | None = None) -> None:
        build.check_fits(network)
        self._network, self._build, self._primitive = network, build, primitive
        self._pixel_rows, self._threshold_rows = pixel_rows, threshold_rows
        self.learning_latency = self.learning_latency_of(network, build)
        super().__init__(clustering_ports(network, build))

    @staticmethod
    def learning_latency_of(network: Network, build: Build) -> int:
        """The ``learning_latency`` of a stage."""
        return int(network.labelled_neurons) + (0 if build.compact else 1)

    def elaborate(self, platform) -> Module:
        network, build = self._network, self._build
        m = Module()
        m.submodules.encoder = encoder = Encoder(network, build,
                                                pixel_rows=self._pixel_rows)
        m.submodules.crossbar = crossbar = Crossbar(network, build)
        racing = network.neuron == Neuron.RACE
        m.submodules.winner = winner = Race(network, build) if racing else Winner(network)
        m.submodules.homeostasis = homeostasis = Homeostasis(network, build,
                                                            rows=self._threshold_rows)
        m.submodules.walls = walls = CrossbarWalls(network, build,
                                                      primitive=self._primitive)
        m.submodules.learner = learner = Learner(network, build, wall_latency=walls.wall_latency)
        header = encoder.headers.payload
        flags = self.sample.flags
        give = self.give if build.overlap else self.start
        learns = Signal()  # this sample may write walls
        writes = Signal()  # this position does
        refines = Signal()
        rival_turn = Signal()
        written = Signal.like(winner.winners[0])
        # Whether and whom to write is known late in a cycle, and far from what it starts.
        writes_next, written_next = Signal.like(writes), Signal.like(written)
        domain = m.d.comb if build.compact else m.d.sync
        domain += [writes.eq(writes_next), written.eq(written_next)]
        m.d.comb += [
            learns.eq(flags.learn_clustering),
            writes_next.eq(flags.learn_clustering),
            written_next.eq(winner.winners[0]),
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
                m.d.comb += [learns.eq(1), writes_next.eq(labelled & rivals.missed)]
            with m.Elif(flags.guide_clustering):
                m.d.comb += writes_next.eq(flags.learn_clustering & labelled)
            with m.If(refines | flags.guide_clustering):
                m.d.comb += written_next.eq(Mux(rival_turn, rivals.rival, rivals.own))

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
        wiring.connect(m, wiring.flipped(self.walls), walls.state)
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
            *([self.ready.eq(encoder.ready)] if build.overlap else []),
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
        m.d.comb += [
            walls.row.eq(crossbar.row),
            crossbar.walls.eq(walls.walls),
            walls.lane.eq(learner.winner[:ceil_log2(build.lanes)]),
            walls.read_row.eq(learner.read_row),
            learner.wall.eq(walls.wall),
            walls.write_row.eq(learner.write_row),
            walls.write_wall.eq(learner.write_wall),
            walls.write_enable.eq(learner.write_enable),
        ]
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
        region = self._region(m, ranking.position, give, ranked | silent)
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

        after_ranking = "TEACH"
        if build.compact and not network.labelled_neurons:
            after_ranking = "LEARN"
        elif network.labelled_neurons and not build.compact:
            after_ranking = "CHOOSE"
        with m.FSM() as fsm:
            # From the state where it is clear a cycle earlier than from the learner's pipeline.
            m.d.comb += walls.learning.eq(learner.busy if build.compact else fsm.ongoing("LEARN"))
            with m.State("IDLE"):
                m.d.sync += [position.eq(0), place_base.eq(0), race_base.eq(0)]
                with m.If(give):
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
                        m.next = after_ranking
                        if after_ranking == "LEARN":
                            m.d.comb += learner.start.eq(1)
                    with m.Else():
                        next_position()
            if after_ranking == "CHOOSE":
                with m.State("CHOOSE"):
                    m.next = "TEACH"
            if after_ranking != "LEARN":
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
                    if build.compact:
                        m.d.comb += learner.start.eq(1)
                        m.next = "LEARN"
                    else:
                        m.next = "TEACH"
            with m.State("FINISH"):
                with m.If((scoring == 0) & ~self.rankings.valid):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"

        tallies = self.tallies
        with m.If(give):
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

    def _region(self, m: Module, position: Signal, give: Signal, advance: Signal) -> Signal:
        """Numbers the rankings of a sample, in ``position``, and gives the region of that number.

        The table answers one cycle after it is asked, so it is asked for the next ranking.
        """
        upcoming = Signal(index_shape(self._network.positions))
        m.submodules.region = table = ConstantTable(self._network.region)
        region = Signal.like(table.value, reset_less=True)
        m.d.comb += table.index.eq(upcoming)
        with m.If(give):
            m.d.sync += upcoming.eq(0)
        with m.Elif(advance):
            m.d.sync += [
                upcoming.eq(upcoming + 1),
                position.eq(upcoming),
                region.eq(table.value),
            ]
        return region
