"""The race of physical neurons: walls that advance, leak, inhibit each other and jitter."""

import operator
from functools import reduce

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.build import Build
from crosswall.spec.draws import Stage
from crosswall.spec.network import Network
from crosswall.spec.race import JITTER_CENTRE, MAX_INHIBITION, MAX_JITTER, MAX_REACH, STEP_BITS

from .control import RuleValues, index_shape
from .draws import DrawPort, draw_unit
from .memory import READ_LATENCY, RowMemory
from .winner import Places, activation_shape

__all__ = ["Race"]

_STAGES = 6
"""Cycles from a neuron's wall and draw to its new wall."""


class Race(wiring.Component):
    """Ranks the neurons of a position by a race of their walls (`crosswall.spec.race`).

    Takes the place of `Winner`. When the last activation has come, all walls start from rest. A
    step passes them, one per cycle, through a window that holds a neuron's neighbours as they were
    before the step, and takes ``step_cycles``; with `Build.compact`, where draws are made one at
    a time, a wall takes 12 cycles. ``done`` comes ``steps * step_cycles`` cycles after the last
    activation. There is no backpressure.

    Parameters
    ----------
    network
        Its ``neuron`` is ignored.
    build
        Whether draws are made one at a time.

    Attributes
    ----------
    step_cycles : int
        ``neurons + reach + 14``, where ``reach = min(4, neurons - 1)``; if compact
        ``12 * (neurons + reach) + 9``.

    Members
    -------
    activation : In(activation_shape(network))
    neuron : In(range(neurons))
        Activations come in ascending index; the last index starts the race.
    valid : In(1)
        Not while ``busy``.
    rules : In(RuleValues)
        Held while ``busy``.
    predict : In(1)
        The race ends when as many neurons have fired as are ranked, otherwise with the first;
        or with its last step. Held while ``busy``.
    place_base : In(28)
        Place of the draw of neuron 0 in the first step. Held while ``busy``.
    busy : Out(1)
        From the cycle after the last activation to ``done``.
    winners : Out(ArrayLayout(range(neurons), winners))
        The best neurons, best first. Valid from ``done`` to the next race's first step.
    done : Out(1)
        For one cycle.
    fires : Out(range(winners + 1))
        How many fired. Valid with ``done``.
    stepped, inhibited : Out(1)
        For the ledger: a wall made a step; neighbours held it back.
    draws : Out(DrawPort())
        Used while ``busy``.
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._build = network, build
        self._reach = min(MAX_REACH, network.neurons - 1)
        slots = network.neurons + self._reach
        latency = draw_unit(build).latency
        self.step_cycles = (slots * (latency + 1) if build.compact else slots + latency) \
            + _STAGES + 3
        neuron = index_shape(network.neurons)
        super().__init__({
            "activation": In(activation_shape(network)),
            "neuron": In(neuron),
            "valid": In(1),
            "rules": In(RuleValues),
            "predict": In(1),
            "place_base": In(DrawPort().members["place"].shape),
            "busy": Out(1),
            "winners": Out(data.ArrayLayout(neuron, network.winners)),
            "done": Out(1),
            "fires": Out(range(network.winners + 1)),
            "stepped": Out(1),
            "inhibited": Out(1),
            "draws": Out(DrawPort()),
        })

    def elaborate(self, platform: object) -> Module:
        network, build, reach = self._network, self._build, self._reach
        neurons, last_neuron = network.neurons, network.neurons - 1
        rules, draws = self.rules, self.draws
        wall_shape = signed(network.race_bits)
        m = Module()
        m.submodules.activations = activations = RowMemory(
            neurons, 1, network.activation_bits, register_address=build.compact)
        m.submodules.walls = walls = RowMemory(
            neurons, 1, network.race_bits, register_address=build.compact)
        m.submodules.places = places = Places(wall_shape, neurons, network.winners)
        m.d.comb += [
            activations.write_row.eq(self.neuron),
            activations.write_data[0].eq(self.activation),
            activations.write_enable.eq(self.valid),
            self.winners.eq(places.winners),
        ]

        def delayed(value: Value, cycles: int, name: str) -> Value:
            """``value``, ``cycles`` cycles ago."""
            for cycle in range(cycles):
                register = Signal.like(value, name=f"{name}_{cycle + 1}", reset_less=True)
                m.d.sync += register.eq(value)
                value = register
            return value

        def held(value: Value, cycles: int, name: str) -> Value:
            """``value``, ``cycles`` cycles ago; or as it is where it is held for so long."""
            return value if build.compact else delayed(value, cycles, name)

        # A slot brings one wall into the window, whose middle is `reach` slots behind. The wall
        # arrives with the middle's draw.
        slot = Signal(range(neurons + reach))
        middle = Signal(range(neurons))
        place = Signal.like(self.place_base, reset_less=True)
        first_step = Signal()
        launching, launched = Signal(), Signal()
        slot_last = Signal()
        latency = draw_unit(build).latency
        m.d.comb += [
            slot_last.eq(slot == neurons + reach - 1),
            draws.stage.eq(Stage.RACE),
            draws.place.eq(place),
            draws.valid.eq(launching),
            walls.read_row.eq(held(slot, latency - READ_LATENCY, "slot")),
            activations.read_row.eq(held(middle, latency - READ_LATENCY, "middle")),
        ]
        in_middle = Signal()
        m.d.comb += in_middle.eq(slot >= reach)
        with m.If(launched):
            m.d.sync += slot.eq(slot + 1)
            with m.If(in_middle):
                m.d.sync += [middle.eq(middle + 1), place.eq(place + 1)]
        exists = held(slot < neurons, latency, "exists")
        races = held(in_middle, latency, "races")

        window = [Signal(wall_shape, name=f"wall_{index}", reset_less=True)
                  for index in range(2 * reach + 1)]
        window_exists = Signal(2 * reach + 1)
        with m.If(draws.draw_valid):
            m.d.sync += [
                *(wall.eq(before) for wall, before in zip(window[1:], window, strict=False)),
                window[0].eq(Mux(first_step, 0, walls.read_data[0].as_signed())),
                window_exists.eq(window_exists << 1 | exists),
            ]
        racing = Signal(_STAGES)
        wall = window[reach]

        # Stage 1: drive, leak and jitter. Stages 1 and 2: what each neighbour holds back.
        activation = Signal(activation_shape(network), reset_less=True)
        jolt = Signal(signed(11), reset_less=True)
        m.d.sync += [
            activation.eq(activations.read_data[0].as_signed()),
            jolt.eq(reduce(operator.add, (draws.draw.word_select(byte, 8) for byte in range(4)))
                    - JITTER_CENTRE),
        ]
        threshold = Signal(signed(len(rules.fire_threshold) + 1))
        unfired = Signal()
        m.d.comb += [threshold.eq(rules.fire_threshold), unfired.eq(wall < threshold)]
        m.d.sync += racing.eq(Cat(draws.draw_valid & races, racing[0] & unfired, racing[1:]))
        driven = Signal(signed(len(wall) + 1), reset_less=True)
        leaked = Signal(wall_shape, reset_less=True)
        jolted = Signal(signed(len(jolt) + MAX_JITTER - 1), reset_less=True)
        jitter_shift = Signal(range(MAX_JITTER))
        m.d.comb += jitter_shift.eq(rules.jitter - 1)
        m.d.sync += [
            driven.eq(wall + activation),
            leaked.eq(Mux(rules.leak == 0, 0, wall >> rules.leak)),
            jolted.eq(Mux(rules.jitter == 0, 0, jolt << jitter_shift)),
        ]
        held_bits = min(network.race_bits, MAX_INHIBITION + 1)
        most, beyond = Signal(held_bits), Signal(network.race_bits)
        m.d.sync += [most.eq(1 << rules.inhibition), beyond.eq(~0 << rules.inhibition)]
        holds = []
        for distance in range(1, reach + 1):
            for index in (reach - distance, reach + distance):
                difference = Signal(signed(len(wall) + 1), name=f"difference_{index}")
                lead = Signal(len(wall), name=f"lead_{index}", reset_less=True)
                hold = Signal(held_bits, name=f"hold_{index}", reset_less=True)
                m.d.comb += difference.eq(window[index] - wall)
                m.d.sync += [
                    lead.eq(Mux(window_exists[index] & (rules.inhibition_reach >= distance)
                                & ~difference[-1], difference, 0)),
                    hold.eq(Mux((lead & beyond).any(), most, lead)),
                ]
                holds.append(hold >> distance - 1)

        # Stages 2 to 4: sums.
        held_back = Signal(held_bits + 2, reset_less=True)
        moved = Signal(signed(max(len(driven), len(leaked), len(jolted)) + 2), reset_less=True)
        total = Signal(signed(max(len(moved), len(held_back) + 1) + 1), reset_less=True)
        m.d.sync += [
            held_back.eq(reduce(operator.add, holds)),
            moved.eq(driven - leaked + jolted),
            total.eq(delayed(moved, 1, "moved") - held_back),
        ]

        # Stage 5: the ends of the track.
        new_wall = Signal(wall_shape, reset_less=True)
        ends = total[network.race_bits - 1:]
        m.d.sync += new_wall.eq(total)
        with m.If(~total[-1] & ends.any()):
            m.d.sync += new_wall.eq((1 << network.race_bits - 1) - 1)
        with m.If(total[-1] & ~ends.all()):
            m.d.sync += new_wall.eq(-1 << network.race_bits - 1)

        # Stage 6: written and ranked. A wall that has fired is passed over.
        passed = Signal(_STAGES)
        moved_neuron = Signal(range(neurons))
        m.d.sync += passed.eq(passed << 1 | (draws.draw_valid & races))
        with m.If(passed[-1]):
            m.d.sync += moved_neuron.eq(Mux(moved_neuron == last_neuron, 0, moved_neuron + 1))
        m.d.comb += [
            walls.write_row.eq(moved_neuron),
            walls.write_data[0].eq(new_wall),
            walls.write_enable.eq(racing[-1]),
            places.value.eq(new_wall),
            places.neuron.eq(moved_neuron),
            places.valid.eq(racing[-1]),
            self.stepped.eq(racing[-1]),
            self.inhibited.eq(racing[-1] & delayed(held_back != 0, 2, "inhibited")),
        ]

        # The best crossed first: the places that have, bit by bit from the first on.
        crossing = Signal()
        crossed, crossed_next = Signal(network.winners), Signal(network.winners)
        m.d.sync += crossing.eq(racing[-1] & (new_wall >= threshold))
        m.d.comb += crossed_next.eq(Mux(crossing, crossed << 1 | 1, crossed))
        m.d.sync += crossed.eq(crossed_next)
        fixed = Signal.like(crossed)
        step = Signal(STEP_BITS)
        m.d.comb += [
            places.fixed.eq(fixed),
            self.fires.eq(Mux(self.predict, reduce(operator.add, crossed), crossed[0])),
        ]

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("REST"))
            with m.State("REST"):
                m.d.sync += [place.eq(self.place_base), step.eq(1), first_step.eq(1),
                             crossed.eq(0), fixed.eq(0)]
                with m.If(self.valid & (self.neuron == last_neuron)):
                    m.next = "STEP"

            with m.State("STEP"):
                m.d.comb += places.clear.eq(1)
                m.d.sync += [slot.eq(0), middle.eq(0)]
                m.next = "LAUNCH"

            with m.State("LAUNCH"):
                m.d.comb += launching.eq(1)
                if build.compact:
                    m.next = "DRAW"
                else:
                    m.d.comb += launched.eq(1)
                    with m.If(slot_last):
                        m.next = "PASS"

            if build.compact:
                with m.State("DRAW"):
                    with m.If(draws.draw_valid):
                        m.d.comb += launched.eq(1)
                        m.next = "LAUNCH"
                        with m.If(slot_last):
                            m.next = "PASS"

            with m.State("PASS"):
                with m.If(passed[-1] & (moved_neuron == last_neuron)):
                    m.next = "COUNT"

            with m.State("COUNT"):
                # The last wall may be crossing.
                m.next = "JUDGE"

            with m.State("JUDGE"):
                m.d.sync += [fixed.eq(crossed), step.eq(step + 1), first_step.eq(0)]
                m.next = "STEP"
                with m.If(Mux(self.predict, crossed[-1], crossed[0]) | (step >= rules.race_steps)):
                    m.d.comb += self.done.eq(1)
                    m.next = "REST"
        return m
