"""Pieces of pipelines that the blocks of this package are made of."""

from collections.abc import Sequence

from amaranth import Module, Signal, Value

__all__ = ["delayed", "pipelined_sum"]


def delayed(m: Module, value: Value, cycles: int, name: str, *, reset_less: bool = True) -> Value:
    """``value``, ``cycles`` cycles ago. Control (valid bits) needs ``reset_less=False``."""
    for stage in range(cycles):
        register = Signal.like(value, name=f"{name}_{stage}", reset_less=reset_less)
        m.d.sync += register.eq(value)
        value = register
    return value


def pipelined_sum(m: Module, values: Sequence[Value], name: str) -> Value:
    """Sum of unsigned ``values``, ``ceil(log2(len(values)))`` cycles ago: pairs, then pairs of
    those, a register behind each."""
    level = 0
    while len(values) > 1:
        sums = []
        for index in range(0, len(values), 2):
            pair = values[index:index + 2]
            total = Signal(len(pair[0] + pair[1]) if len(pair) == 2 else len(pair[0]),
                           name=f"{name}_{level}_{index}", reset_less=True)
            m.d.sync += total.eq(pair[0] + pair[1] if len(pair) == 2 else pair[0])
            sums.append(total)
        values, level = sums, level + 1
    return values[0]
