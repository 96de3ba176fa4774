"""What travels beside the data: a sample's control, the rules, rankings and tallies.

How a stage is driven. The machine holds ``sample`` (:class:`SampleControl`) and ``rules``
(:class:`RuleValues`) stable from a stage's ``start`` to its ``done``. ``start`` and ``done`` last
one cycle. ``tallies`` are cleared at ``start`` and stable from ``done`` to the next ``start``.
With `Build.overlap` the stages run at once, each with a sample of its own, but for samples that
would draw in both (`Machine`).

Ports of ``ClusteringStage(network, build)``: ``start: In(1)``, ``done: Out(1)``,
``sample: In(SampleControl)``, ``rules: In(RuleValues)``,
``pixels: In(PixelPort(network, build))``,
``rankings: Out(stream.Signature(Ranking(network)))``, ``tallies: Out(ClusteringTallies(network))``
and, each ``In(StatePort(shape))``, ``walls`` and ``thresholds``.
``ReadoutStage(network, build)`` has ``start``, ``done``, ``sample``, ``rules``, ``tallies`` and
``walls`` likewise. Both leave drawing and pulsing to units outside: ``draws: Out(DrawPort())``,
``pulses: Out(PulsePort(network, build))`` and, with `Build.static_spread`,
``static_draws: Out(DrawPort())``.
"""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out, PureInterface
from amaranth.utils import bits_for

from crosswall.spec.build import Build
from crosswall.spec.device_table import MAX_PULSE_SHIFT
from crosswall.spec.network import PIXEL_BITS, Network, Neuron
from crosswall.spec.race import MAX_STEPS
from crosswall.spec.registers import REGISTERS
from crosswall.spec.sample import MAX_GATE_SHIFT

__all__ = ["ClusteringTallies", "PixelPort", "Ranking", "ReadoutTallies", "RuleValues",
           "SampleControl", "SampleFlags", "index_shape", "share"]


def index_shape(count: int) -> unsigned:
    """Shape of an index below ``count``; at least one bit, so that it can be a port."""
    return unsigned(max(1, bits_for(count - 1)))


def share(m: Module, unit: PureInterface, first: PureInterface, second: PureInterface,
          second_turn: Signal) -> None:
    """Connect a unit to two users whose signature is its own, flipped; each sees ``..._valid``
    answers to its own requests only."""
    for name, member in first.signature.members.items():
        port, ports = getattr(unit, name), (getattr(first, name), getattr(second, name))
        if member.flow is Out:
            m.d.comb += port.eq(Mux(second_turn, ports[1], ports[0]))
            continue
        for user, turn in zip(ports, (~second_turn, second_turn), strict=True):
            m.d.comb += user.eq(port & turn if name.endswith("_valid") else port)


class SampleFlags(data.Struct):
    """The flags byte of a sample packet, bit for bit (`crosswall.spec.sample.Flag`)."""

    learn_clustering: 1
    learn_readout: 1
    predict: 1
    guide_clustering: 1
    send_winners: 1
    send_scores: 1
    refine_clustering: 1
    unused_7: 1


class SampleControl(data.Struct):
    """One sample's control, as its packet's header carried it (`crosswall.spec.sample`).

    Members
    -------
    number
        The sample's number in the run.
    flags
        What the sample asks for.
    label
        Class; not below the network's classes if the sample has none.
    clustering_pulse_shift, readout_pulse_shift
        A pulse has ``2**shift`` unit lengths.
    clustering_gate_shift, readout_gate_shift
        Pulse probabilities are shifted right by this.
    """

    number: 32
    flags: SampleFlags
    label: 8
    clustering_pulse_shift: range(MAX_PULSE_SHIFT + 1)
    clustering_gate_shift: range(MAX_GATE_SHIFT + 1)
    readout_pulse_shift: range(MAX_PULSE_SHIFT + 1)
    readout_gate_shift: range(MAX_GATE_SHIFT + 1)


def _field(register: str, field: str = "value") -> int:
    return next(entry.width for entry in REGISTERS[register].fields if entry.name == field)


class RuleValues(data.Struct):
    """The rule registers' fields (`crosswall.spec.registers`), under the registers' names; the
    fields of register ``race`` under their own, the steps as ``race_steps``."""

    seed: _field("seed")
    static_seed: _field("static_seed")
    silence: _field("silence")
    stdp: _field("clustering_rule", "stdp")
    stdp_probability: _field("clustering_rule", "stdp_probability")
    threshold_rise: _field("threshold_rise")
    threshold_decay: _field("threshold_decay")
    margin: _field("margin")
    refinement_margin: _field("refinement_margin")
    clustering_stuck: _field("clustering_stuck")
    readout_stuck: _field("readout_stuck")
    fire_threshold: _field("fire_threshold")
    race_steps: _field("race", "steps")
    leak: _field("race", "leak")
    inhibition_reach: _field("race", "inhibition_reach")
    inhibition: _field("race", "inhibition")
    jitter: _field("race", "jitter")


class PixelPort(wiring.Signature):
    """Writes a sample's pixels into the clustering stage, in rows of `Build.pixels_at_once`;
    directions are the loader's.

    Members
    -------
    enable : Out(pixels_at_once)
        Write these pixels of the row in this cycle. Never raised between the stage's ``start``
        and ``done``; with `Build.overlap` never in the cycle of ``start``, and what is written
        after it belongs to the next sample: the stage keeps two or more, and changes over
        at ``start``.
    address : Out(range(ceil(pixels / pixels_at_once)))
        The row.
    data : Out(ArrayLayout(8, pixels_at_once))
        The row's pixels. Those beyond the sample's end mean nothing.
    """

    def __init__(self, network: Network, build: Build) -> None:
        at_once = build.pixels_at_once
        super().__init__({
            "enable": Out(at_once),
            "address": Out(index_shape(-(-network.pixels // at_once))),
            "data": Out(data.ArrayLayout(PIXEL_BITS, at_once)),
        })


class Ranking(data.StructLayout):
    """Outcome of one position, the payload of the clustering stage's stream of rankings.

    One for each position, in order, silent ones too; the stage's ``done`` follows the last one's
    acceptance.

    Members
    -------
    position, region
        Which position, and the region it votes for.
    silent
        The position was skipped; ``winners`` means nothing.
    winners
        The best neurons, best first.
    """

    def __init__(self, network: Network) -> None:
        super().__init__({
            "position": index_shape(network.positions),
            "region": index_shape(network.regions),
            "silent": 1,
            "winners": data.ArrayLayout(index_shape(network.neurons), network.winners),
        })


class ClusteringTallies(data.StructLayout):
    """What the clustering stage counted over one sample; no geometry can overflow it.

    Members
    -------
    scored
        Positions that were not silent.
    active_lines
        Lines with a code above 0, over scored positions.
    codes
        Sum of the codes of the lines, over scored positions.
    charge
        Sum of all neurons' currents before the threshold, over scored positions.
    potentiations, depressions
        Pulses, whatever their length; those on stuck devices too.
    fires, race_steps, race_inhibitions
        With racing neurons only: neurons that fired; steps that their walls made; those in which
        neighbours held the wall back.
    refined
        With labelled neurons only: the refinement margin was missed at a position.
    """

    def __init__(self, network: Network) -> None:
        codes = network.positions * network.fan_in * ((1 << network.code_bits) - 1)
        pulses = network.positions * network.lines
        super().__init__({
            "scored": bits_for(network.positions),
            "active_lines": bits_for(network.positions * network.fan_in),
            "codes": bits_for(codes),
            "charge": bits_for(codes * 255 * network.neurons),
            "potentiations": bits_for(pulses),
            "depressions": bits_for(pulses),
            **(self._racing(network) if network.neuron == Neuron.RACE else {}),
            **({"refined": 1} if network.labelled_neurons else {}),
        })

    @staticmethod
    def _racing(network: Network) -> dict[str, int]:
        steps = bits_for(network.positions * network.neurons * MAX_STEPS)
        return {"fires": bits_for(network.positions * network.winners), "race_steps": steps,
                "race_inhibitions": steps}


class ReadoutTallies(data.StructLayout):
    """What the read-out stage counted over one sample; no geometry can overflow it.

    Members
    -------
    active_features
        Features above 0.
    features
        Sum of the features.
    charge
        Sum of feature × (G⁺ + G⁻) over features and classes.
    potentiations, depressions
        Pulses, whatever their length; those on stuck devices too.
    labelled
        The sample asked to learn the read-out and had a valid label.
    taught
        It missed the margin.
    """

    def __init__(self, network: Network) -> None:
        features = network.features * network.feature_max
        pulses = 2 * network.features
        super().__init__({
            "active_features": bits_for(network.features),
            "features": bits_for(features),
            "charge": bits_for(features * 255 * 2 * network.classes),
            "potentiations": bits_for(pulses),
            "depressions": bits_for(pulses),
            "labelled": 1,
            "taught": 1,
        })
