"""Ranking of whole rows of neurons: a network of comparators, a register behind each."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.hdl import Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crosswall.spec.network import Network

from ..control import index_shape
from ..winner import activation_shape
from .pipeline import delayed

__all__ = ["Ranker"]


class _Candidates:
    """Candidates sorted by key, best first; ``index_bits`` of a key are the neuron's, inverted,
    below its activation, so that a larger key is a better candidate."""

    def __init__(self, keys: list[Value], index_bits: int) -> None:
        self.keys, self.index_bits = keys, index_bits

    def of_half(self, half: int) -> list[Value]:
        """The keys in a ranking of twice as many neurons, of which these are a half."""
        return [Cat(key[:self.index_bits], Const(1 - half, 1), key[self.index_bits:])
                for key in self.keys]


class Ranker(wiring.Component):
    """Ranks neurons by (activation descending, index ascending), a row of them per cycle.

    Bitonic merging (K. E. Batcher, *Sorting networks and their applications*, AFIPS 1968) that
    keeps no more candidates than can win. Takes any number of rankings, one after the other or
    apart; there is no backpressure.

    Parameters
    ----------
    network
        Neurons and winners.
    width
        Neurons of a row: a power of two that divides the neurons.

    Attributes
    ----------
    rows : int
        Cycles that a ranking's activations take.
    latency, best_latency : int
        Cycles from the last row to ``done`` and to ``best_done``.

    Members
    -------
    activations : In(ArrayLayout(activation_shape(network), width))
        A row; neurons ascend with the rows of a ranking and the places in a row.
    valid : In(1)
        High for the ``rows`` cycles of a ranking, without pauses.
    winners : Out(ArrayLayout(range(neurons), winners))
        The best neurons, best first; with ``done``.
    done : Out(1)
    best : Out(range(neurons))
        The best neuron, from ``best_done`` to the first row of the next ranking.
    best_done : Out(1)
    """

    def __init__(self, network: Network, width: int) -> None:
        self._network, self._width = network, width
        self.rows = network.neurons // width
        self.latency = sum(1 + min(level, ceil_log2(network.winners))
                           for level in range(ceil_log2(network.neurons)))
        self.best_latency = ceil_log2(width) + 1
        super().__init__({
            "activations": In(data.ArrayLayout(activation_shape(network), width)),
            "valid": In(1),
            "winners": Out(data.ArrayLayout(index_shape(network.neurons), network.winners)),
            "done": Out(1),
            "best": Out(index_shape(network.neurons)),
            "best_done": Out(1),
        })

    def elaborate(self, platform) -> Module:
        network = self._network
        m = Module()
        kept = 1 << ceil_log2(network.winners)
        bits = network.activation_bits

        def better(first: Value, second: Value, name: str, both: bool) -> tuple[Value, ...]:
            larger = Signal(name=f"larger_{name}")
            high = Signal(len(first), name=f"high_{name}", reset_less=True)
            m.d.comb += larger.eq(first >= second)
            m.d.sync += high.eq(Mux(larger, first, second))
            if not both:
                return (high,)
            low = Signal(len(first), name=f"low_{name}", reset_less=True)
            m.d.sync += low.eq(Mux(larger, second, first))
            return high, low

        def merge(first: _Candidates, second: _Candidates, name: str) -> tuple[_Candidates, int]:
            """The best of both, and the cycles that it takes to know them."""
            keys = [*first.of_half(0)], [*second.of_half(1)]
            length, steps = len(keys[0]), 1
            grows = 2 * length <= kept
            pairs = [better(keys[0][place], keys[1][-1 - place], f"{name}_0_{place}", grows)
                     for place in range(length)]
            # Each half is bitonic: it rises and falls, or the reverse.
            lists = [list(keys) for keys in zip(*pairs, strict=True)]
            distance = length // 2
            while distance:
                for number, keys in enumerate(lists):
                    for place in range(length):
                        if not place & distance:
                            keys[place], keys[place + distance] = better(
                                keys[place], keys[place + distance],
                                f"{name}_{steps}_{number}_{place}", True)
                distance, steps = distance // 2, steps + 1
            return _Candidates([key for keys in lists for key in keys],
                               first.index_bits + 1), steps

        candidates = []
        for place in range(self._width):
            key = Signal(bits, name=f"key_{place}")
            activation = self.activations[place]
            m.d.comb += key.eq(Cat(activation[:-1], ~activation[-1]))
            candidates.append(_Candidates([key], 0))
        valid = self.valid
        level = 0
        while len(candidates) > 1:
            merged = [merge(*candidates[index:index + 2], f"{level}_{index}")
                      for index in range(0, len(candidates), 2)]
            candidates, steps = [result for result, _ in merged], merged[0][1]
            valid = delayed(m, valid, steps, f"valid_{level}", reset_less=False)
            level += 1

        # Rows come one after the other: two neighbours merge when the second is there.
        result = candidates[0]
        for _ in range(ceil_log2(self.rows)):
            second = Signal(name=f"second_{level}")
            held = []
            for place, key in enumerate(result.keys):
                register = Signal(len(key), name=f"held_{level}_{place}", reset_less=True)
                with m.If(valid & ~second):
                    m.d.sync += register.eq(key)
                held.append(register)
            m.d.sync += second.eq(second ^ valid)
            merged, steps = merge(_Candidates(held, result.index_bits), result, f"{level}_0")
            complete = Signal(name=f"complete_{level}")
            m.d.comb += complete.eq(valid & second)
            valid = delayed(m, complete, steps, f"valid_{level}", reset_less=False)
            result = merged
            level += 1

        self._find_best(m)
        index_bits = result.index_bits
        m.d.comb += [
            self.done.eq(valid),
            *(self.winners[place].eq(~result.keys[place][:index_bits])
              for place in range(network.winners)),
        ]
        return m

    def _find_best(self, m: Module) -> None:
        """The best neuron alone is known earlier: of a row by a tree, then from row to row."""
        contenders = [(self.activations[place], Const(0, 0)) for place in range(self._width)]
        level = 0
        while len(contenders) > 1:
            winners = []
            for number in range(0, len(contenders), 2):
                (first, first_index), (second, second_index) = contenders[number:number + 2]
                upper = Signal(name=f"upper_{level}_{number}")
                best = Signal.like(self.activations[0], name=f"best_{level}_{number}",
                                   reset_less=True)
                index = Signal(level + 1, name=f"index_{level}_{number}", reset_less=True)
                m.d.comb += upper.eq(second > first)
                m.d.sync += [best.eq(Mux(upper, second, first)),
                             index.eq(Cat(Mux(upper, second_index, first_index), upper))]
                winners.append((best, index))
            contenders, level = winners, level + 1
        (row_best, index), = contenders
        valid = delayed(m, self.valid, level, "row_valid", reset_less=False)
        row = Signal(range(self.rows))
        best = Signal.like(row_best, name="best_activation", reset_less=True)
        with m.If(valid):
            m.d.sync += row.eq(row + 1)
            with m.If((row == 0) | (row_best > best)):
                m.d.sync += [best.eq(row_best), self.best.eq(Cat(index, row))]
        m.d.sync += self.best_done.eq(valid & (row == self.rows - 1))
