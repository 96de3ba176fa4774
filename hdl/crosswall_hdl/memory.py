"""Memories: rows of lanes for walls, single words for everything else, tables of constants.

Reading takes two cycles: one in the memory and one in its output register, without which a
block RAM's slow clock-to-out bounds the whole machine's clock. Where the clock is slow and logic
scarce (`Build.compact`) the address is registered instead, which is narrower.

The machine never uses what a read gives that meets a write of its address, so that is left
open. A board tells yosys so with `YOSYS_OPEN_COLLISIONS`; otherwise yosys builds registers
and comparators around every memory to give the old value.
"""

from collections.abc import Sequence

from amaranth import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from crosswall.spec.build import Build
from crosswall.spec.build import WallMemory as Kind
from crosswall.spec.network import PIXEL_BITS, Network
from crosswall.spec.state import MemoryShape

from .control import PixelPort, index_shape
from .state import StatePort

__all__ = ["READ_LATENCY", "ConstantTable", "PiecesMemory", "PixelMemory", "RowMemory",
           "SharedMemory", "SplitMemory", "StateAccess", "WallMemory", "YOSYS_OPEN_COLLISIONS",
           "row_memory"]

READ_LATENCY = 2
"""Cycles from a row's address to its data, for every memory in this module."""

YOSYS_OPEN_COLLISIONS = (r"setparam -set COLLISION_X_MASK 1'1 "
                         r"t:$memrd_v2 r:MEMID=\rows* %i r:CLK_ENABLE=1 %i")
"""yosys command, to run after reading the design and before synthesis: says of every memory
called ``rows…`` (all of this module's, and whoever else promises the same) that a read that meets
a write may give anything."""

_BLOCK_BITS = 1 << 14
"""What a block RAM of an ECP5 holds, without parity, however narrow its words."""
_SPRAM_ROWS = 1 << 14
_SPRAM_NIBBLES = 4


def _memory_signature(rows: int, lanes: int, bits: int) -> dict:
    return {
        "read_row": In(index_shape(rows)),
        "read_data": Out(data.ArrayLayout(bits, lanes)),
        "write_row": In(index_shape(rows)),
        "write_data": In(data.ArrayLayout(bits, lanes)),
        "write_enable": In(lanes),
    }


class RowMemory(wiring.Component):
    """Memory of ``rows`` × ``lanes`` words of ``bits``; a row is read and lanes of another
    written in every cycle. Starts as zeros.

    Parameters
    ----------
    rows, lanes, bits
        Shape.
    register_address
        Register the address of a read, not its data.

    Members
    -------
    read_row : In(range(rows))
    read_data : Out(ArrayLayout(bits, lanes))
        The row that was addressed two cycles before.
    write_row : In(range(rows))
    write_data : In(ArrayLayout(bits, lanes))
    write_enable : In(lanes)
        One bit per lane; a read two cycles later or more sees the new words, and a read in the
        very cycle of the write (with ``register_address`` in the one before) gives anything.
    """

    def __init__(self, rows: int, lanes: int, bits: int, *,
                 register_address: bool = False) -> None:
        for name, value in (("rows", rows), ("lanes", lanes), ("bits", bits)):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1: got {value}")
        self.rows, self.lanes, self.bits = rows, lanes, bits
        self._register_address = register_address
        super().__init__(_memory_signature(rows, lanes, bits))

    def elaborate(self, platform) -> Module:
        m = Module()
        width = self.lanes * self.bits
        m.submodules.rows = memory = Memory(shape=width, depth=self.rows, init=[])
        read = memory.read_port()
        write = memory.write_port(granularity=self.bits if self.lanes > 1 else None)
        if self._register_address:
            row = Signal.like(self.read_row, reset_less=True)
            m.d.sync += row.eq(self.read_row)
            m.d.comb += [read.addr.eq(row), self.read_data.eq(read.data)]
        else:
            output = Signal(width, reset_less=True)
            m.d.sync += output.eq(read.data)
            m.d.comb += [read.addr.eq(self.read_row), self.read_data.eq(output)]
        m.d.comb += [
            write.addr.eq(self.write_row),
            write.data.eq(self.write_data),
            write.en.eq(self.write_enable),
        ]
        return m


def row_memory(rows: int, lanes: int, bits: int) -> "RowMemory | PiecesMemory":
    """A memory with the ports and the latency of a `RowMemory`, in pieces where that is faster."""
    if bits <= _piece_bits(rows):
        return RowMemory(rows, lanes, bits)
    return PiecesMemory(rows, lanes, bits)


def _piece_bits(rows: int) -> int:
    """The longest word of which a block RAM has that many rows, and at least 1 bit."""
    return max(1, 1 << (_BLOCK_BITS // rows).bit_length() - 1)


class PiecesMemory(wiring.Component):
    """As `RowMemory`, with the words in pieces, each in a memory of its own.

    A piece is as long as a block RAM can have for all rows. With longer ones there would be a
    choice between block RAMs behind their outputs, which are too slow for that.

    Parameters
    ----------
    rows, lanes, bits
        Shape.
    """

    def __init__(self, rows: int, lanes: int, bits: int) -> None:
        self.rows, self.lanes, self.bits = rows, lanes, bits
        super().__init__(_memory_signature(rows, lanes, bits))

    def elaborate(self, platform) -> Module:
        m = Module()
        length = _piece_bits(self.rows)
        for lane in range(self.lanes):
            for first in range(0, self.bits, length):
                piece = slice(first, min(first + length, self.bits))
                memory = RowMemory(self.rows, 1, piece.stop - piece.start)
                m.submodules[f"lane_{lane}_bit_{first}"] = memory
                m.d.comb += [
                    memory.read_row.eq(self.read_row),
                    self.read_data[lane][piece].eq(memory.read_data[0]),
                    memory.write_row.eq(self.write_row),
                    memory.write_data[0].eq(self.write_data[lane][piece]),
                    memory.write_enable.eq(self.write_enable[lane]),
                ]
        return m


class SharedMemory(wiring.Component):
    """Two memories in the place of one, for users that take turns. Each has the ports of a
    `RowMemory` with a registered address.

    Parameters
    ----------
    first_rows, second_rows
        Rows of each.
    lanes, bits
        Shape of both memories' rows.
    kind, primitive
        See `WallMemory`.
    late
        The second one's address is not registered: its data come a cycle after it. With kind
        *block* and one lane only.

    Members
    -------
    first, second : In
        As a `RowMemory`'s. Written in their turn only.
    second_turn : In(1)
        The rows that are addressed are those of the second memory. A read that is under way when
        this changes gives anything.

    Raises
    ------
    ValueError
        ``late`` with another kind than *block*, or with several lanes.
    """

    def __init__(self, first_rows: int, second_rows: int, lanes: int, bits: int, *,
                 kind: Kind = Kind.BLOCK, primitive: str = "inferred", late: bool = False) -> None:
        if late and (kind != Kind.BLOCK or lanes != 1):
            raise ValueError(f"`late` needs kind {Kind.BLOCK.value} and one lane: got kind "
                             f"{kind.value}, {lanes} lanes")
        # The second one begins where its rows set no bit of where it begins.
        second_bits = ceil_log2(second_rows)
        self._base = -(-first_rows >> second_bits) << second_bits
        self._shape = (self._base + second_rows, lanes, bits)
        self._kind, self._primitive, self._late = kind, primitive, late
        super().__init__({
            "first": In(wiring.Signature(_memory_signature(first_rows, lanes, bits))),
            "second": In(wiring.Signature(_memory_signature(second_rows, lanes, bits))),
            "second_turn": In(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        first, second, turn = self.first, self.second, self.second_turn
        rows, lanes, bits = self._shape
        write_row = Mux(turn, second.write_row | self._base, first.write_row)
        words = Mux(turn, second.write_data.as_value(), first.write_data.as_value())
        enable = first.write_enable | second.write_enable
        if self._late:
            m.submodules.rows = memory = Memory(shape=bits, depth=rows, init=[])
            read, write = memory.read_port(), memory.write_port()
            first_row = Signal.like(first.read_row, name="first_row", reset_less=True)
            loaded = read.data
            m.d.sync += first_row.eq(first.read_row)
            m.d.comb += [
                read.addr.eq(Mux(turn, second.read_row | self._base, first_row)),
                write.addr.eq(write_row),
                write.data.eq(words),
                write.en.eq(enable),
            ]
        else:
            m.submodules.memory = memory = WallMemory(
                rows, lanes, bits, kind=self._kind, primitive=self._primitive,
                register_address=True)
            loaded = memory.read_data.as_value()
            m.d.comb += [
                memory.read_row.eq(Mux(turn, second.read_row | self._base, first.read_row)),
                memory.write_row.eq(write_row),
                memory.write_data.eq(words),
                memory.write_enable.eq(enable),
            ]
        m.d.comb += [first.read_data.eq(loaded), second.read_data.eq(loaded)]
        return m


class SplitMemory(wiring.Component):
    """A memory of walls whose low bits are kept apart, in single-port RAM. Ports and latency are
    those of `RowMemory` with a registered address; a read that was asked for in the cycle before
    a write gives anything.

    Parameters
    ----------
    rows, lanes, bits
        Shape.
    low_bits
        How many of each word's bits, at least 1.
    kind, primitive
        Of the memory of the high bits; see `WallMemory`. The primitive also serves the low bits.
    low
        Ports of a `RowMemory` of ``rows`` × ``lanes`` words of ``low_bits`` with a registered
        address, in the place of an own one.
    """

    def __init__(self, rows: int, lanes: int, bits: int, *, low_bits: int,
                 kind: Kind = Kind.BLOCK, primitive: str = "inferred",
                 low: wiring.PureInterface | None = None) -> None:
        self.rows, self.lanes, self.bits = rows, lanes, bits
        self._low_bits, self._kind, self._primitive = low_bits, kind, primitive
        self._low = low
        super().__init__(_memory_signature(rows, lanes, bits))

    def elaborate(self, platform) -> Module:
        m = Module()
        low_bits, low = self._low_bits, self._low
        m.submodules.high = high = WallMemory(
            self.rows, self.lanes, self.bits - low_bits, kind=self._kind,
            primitive=self._primitive if self._kind == Kind.SINGLE_PORT else "inferred",
            register_address=True)
        if low is None:
            m.submodules.low = low = WallMemory(
                self.rows, self.lanes, low_bits, kind=Kind.SINGLE_PORT,
                primitive=self._primitive, register_address=True)
        for part, bits in ((low, slice(0, low_bits)), (high, slice(low_bits, self.bits))):
            m.d.comb += [
                part.read_row.eq(self.read_row),
                part.write_row.eq(self.write_row),
                part.write_enable.eq(self.write_enable),
            ]
            for lane in range(self.lanes):
                m.d.comb += [
                    part.write_data[lane].eq(self.write_data[lane][bits]),
                    self.read_data[lane][bits].eq(part.read_data[lane]),
                ]
        return m


class PixelMemory(wiring.Component):
    """The pixels of a sample, with `Build.overlap` of several in banks: written by the row of
    `Build.pixels_at_once`, read one by one. A `RowMemory` otherwise, with its latency.

    Parameters
    ----------
    network, build
        Pixels, and how many are written at once.
    banks
        Samples that are kept with `Build.overlap`: a power of two.
    rows
        Ports of a `RowMemory`, whose rows hold a pixel in all of their lanes, to use in the place
        of an own one. With one pixel at once and without `Build.overlap` only.

    Members
    -------
    pixels : In(PixelPort(network, build))
    bank, written_bank : In(range(banks))
        The bank that is read, and the one that is written. With `Build.overlap` only.
    address : In(range(pixels))
    pixel : Out(8)
        The pixel that was addressed two cycles before.
    """

    def __init__(self, network: Network, build: Build, *, banks: int = 2,
                 rows: wiring.PureInterface | None = None) -> None:
        self._network, self._build, self._banks = network, build, banks
        self._rows = rows
        bank = In(index_shape(banks))
        super().__init__({
            "pixels": In(PixelPort(network, build)),
            **({"bank": bank, "written_bank": bank} if build.overlap else {}),
            "address": In(index_shape(network.pixels)),
            "pixel": Out(PIXEL_BITS),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        at_once = self._build.pixels_at_once
        rows = -(-self._network.pixels // at_once)
        place_bits, row_bits = ceil_log2(at_once), ceil_log2(rows)
        place, read_row = self.address[:place_bits], self.address[place_bits:]
        write_row = self.pixels.address
        if self._build.overlap:
            rows = self._banks << row_bits
            read_row = Cat(read_row[:row_bits], self.bank)
            write_row = Cat(write_row[:row_bits], self.written_bank)
        if at_once == 1:
            memory = self._rows
            if memory is None:
                m.submodules.memory = memory = RowMemory(
                    rows, 1, PIXEL_BITS, register_address=self._build.compact)
            m.d.comb += [
                memory.read_row.eq(read_row),
                memory.write_row.eq(write_row),
                memory.write_data.eq(self.pixels.data),
                memory.write_enable.eq(self.pixels.enable.replicate(len(memory.write_enable))),
                self.pixel.eq(memory.read_data.as_value()),
            ]
            return m
        # The pixel is chosen before the output register, which is the narrower for it.
        m.submodules.rows = memory = Memory(shape=at_once * PIXEL_BITS, depth=rows, init=[])
        read, write = memory.read_port(), memory.write_port(granularity=PIXEL_BITS)
        chosen = Signal(place_bits, reset_less=True)
        output = Signal(PIXEL_BITS, reset_less=True)
        m.d.sync += [chosen.eq(place), output.eq(read.data.word_select(chosen, PIXEL_BITS))]
        m.d.comb += [
            read.addr.eq(read_row),
            write.addr.eq(write_row),
            write.data.eq(self.pixels.data),
            write.en.eq(self.pixels.enable),
            self.pixel.eq(output),
        ]
        return m


class WallMemory(wiring.Component):
    """Memory of walls, ``rows`` × ``lanes`` words of ``bits``, in block or single-port RAM.

    Ports and latency are those of `RowMemory`. Of kind *single-port* it does one thing a cycle:
    in a cycle with any ``write_enable`` it writes, and a read that was asked for in that cycle
    (with ``register_address`` in the one before) gives anything.

    Parameters
    ----------
    rows, lanes, bits
        Shape.
    kind
        A `crosswall.spec.build.WallMemory`.
    primitive
        ``"inferred"``: left to synthesis. ``"SB_SPRAM256KA"``: iCE40UP single-port RAM, for kind
        *single-port* only; its contents are undefined at power-up.
    register_address
        See `RowMemory`.

    Raises
    ------
    ValueError
        For an unknown primitive, or one that cannot serve ``kind``.
    """

    def __init__(self, rows: int, lanes: int, bits: int, *, kind: Kind = Kind.BLOCK,
                 primitive: str = "inferred", register_address: bool = False) -> None:
        if primitive not in ("inferred", "SB_SPRAM256KA"):
            raise ValueError(f"`primitive` must be inferred or SB_SPRAM256KA: got {primitive!r}")
        if primitive == "SB_SPRAM256KA" and kind != Kind.SINGLE_PORT:
            raise ValueError(f"SB_SPRAM256KA has a single port: it cannot serve kind {kind.value}")
        self.rows, self.lanes, self.bits = rows, lanes, bits
        self._kind = kind
        self._primitive = primitive
        self._register_address = register_address
        super().__init__(_memory_signature(rows, lanes, bits))

    def elaborate(self, platform) -> Module:
        m = Module()
        if self._kind == Kind.BLOCK:
            m.submodules.memory = memory = RowMemory(
                self.rows, self.lanes, self.bits, register_address=self._register_address)
            wiring.connect(m, wiring.flipped(self), memory)
            return m
        writing = Signal()
        row, read_row = Signal.like(self.read_row), self.read_row
        if self._register_address:
            read_row = Signal.like(self.read_row, reset_less=True)
            m.d.sync += read_row.eq(self.read_row)
        m.d.comb += [
            writing.eq(self.write_enable.any()),
            row.eq(Mux(writing, self.write_row, read_row)),
        ]
        if self._primitive == "inferred":
            self._elaborate_inferred(m, row)
        else:
            self._elaborate_spram(m, row, writing)
        return m

    def _elaborate_inferred(self, m: Module, row: Signal) -> None:
        # Synthesis sees one address, and so may choose a RAM with one port.
        m.submodules.rows = memory = Memory(shape=self.lanes * self.bits, depth=self.rows, init=[])
        read = memory.read_port()
        write = memory.write_port(granularity=self.bits if self.lanes > 1 else None)
        m.d.comb += [
            read.addr.eq(row),
            write.addr.eq(row),
            write.data.eq(self.write_data),
            write.en.eq(self.write_enable),
        ]
        self._give(m, read.data)

    def _give(self, m: Module, loaded: Value) -> None:
        """What the memory gave goes out, through a register unless the address had one."""
        if not self._register_address:
            output = Signal(len(loaded), reset_less=True)
            m.d.sync += output.eq(loaded)
            loaded = output
        lane_bits = len(loaded) // self.lanes
        m.d.comb += [self.read_data[lane].eq(loaded[lane_bits * lane:][:self.bits])
                     for lane in range(self.lanes)]

    def _elaborate_spram(self, m: Module, row: Signal, writing: Signal) -> None:
        # A lane fills whole nibbles, because a nibble is what the RAM can write alone.
        lane_nibbles = -(-self.bits // 4)
        chips = -(-self.lanes * lane_nibbles // _SPRAM_NIBBLES)
        banks = -(-self.rows // _SPRAM_ROWS)
        width = chips * _SPRAM_NIBBLES
        stored = Signal(4 * width)
        nibble_enable = Signal(width)
        lanes = [Cat(self.write_data[lane], Const(0, 4 * lane_nibbles - self.bits))
                 for lane in range(self.lanes)]
        m.d.comb += [
            stored.eq(Cat(lanes)),
            nibble_enable.eq(Cat(enable.replicate(lane_nibbles) for enable in self.write_enable)),
        ]
        bank = Signal(range(max(2, banks)))
        bank_read = Signal.like(bank, reset_less=True)
        m.d.comb += bank.eq(row >> _SPRAM_ROWS.bit_length() - 1)
        m.d.sync += bank_read.eq(bank)
        loaded = [Signal(4 * width, name=f"loaded_{index}") for index in range(banks)]
        for index in range(banks):
            for chip in range(chips):
                bits = slice(16 * chip, 16 * (chip + 1))
                m.submodules[f"spram_{index}_{chip}"] = Instance(
                    "SB_SPRAM256KA",
                    i_ADDRESS=row[:14] if len(row) >= 14 else Cat(row, Const(0, 14 - len(row))),
                    i_DATAIN=stored[bits],
                    i_MASKWREN=nibble_enable[4 * chip:4 * (chip + 1)],
                    i_WREN=writing, i_CHIPSELECT=bank == index, i_CLOCK=ClockSignal(),
                    i_STANDBY=Const(0), i_SLEEP=Const(0), i_POWEROFF=Const(1),
                    o_DATAOUT=loaded[index][bits])
        given = Signal(4 * self.lanes * lane_nibbles)
        with m.Switch(bank_read):
            for index in range(banks):
                with m.Case(index):
                    m.d.comb += given.eq(loaded[index])
        self._give(m, given)


class StateAccess(wiring.Component):
    """Serves the state window from a memory with the ports of `RowMemory`.

    A write is acknowledged at once, a read three cycles after its strobe (a memory whose address
    is registered once more than `RowMemory`'s is still in time). Only one lane is written.

    Parameters
    ----------
    shape
        Rows, lanes and bits of the memory.

    Members
    -------
    state : In(StatePort(shape))
    row : Out(range(rows))
        For both of the memory's addresses, while ``state.strobe``.
    write_data : Out(ArrayLayout(bits, lanes)), write_enable : Out(lanes)
        For the memory's write port; no bit is set unless the window writes.
    read_data : In(ArrayLayout(bits, lanes))
        From the memory's read port.
    """

    def __init__(self, shape: MemoryShape) -> None:
        self._shape = shape
        super().__init__({
            "state": In(StatePort(shape)),
            "row": Out(index_shape(shape.rows)),
            "write_data": Out(data.ArrayLayout(shape.bits, shape.lanes)),
            "write_enable": Out(shape.lanes),
            "read_data": In(data.ArrayLayout(shape.bits, shape.lanes)),
        })

    def serve(self, m: Module, memory: RowMemory | WallMemory) -> None:
        """Give ``memory`` to the state window for as long as it has an access pending.

        Called in ``m`` after everything else that drives the memory's inputs, and instead of
        connecting the members other than ``state``.
        """
        m.d.comb += self.read_data.eq(memory.read_data)
        with m.If(self.state.strobe):
            m.d.comb += [
                memory.read_row.eq(self.row),
                memory.write_row.eq(self.row),
                memory.write_data.eq(self.write_data),
                memory.write_enable.eq(self.write_enable),
            ]

    def elaborate(self, platform) -> Module:
        m = Module()
        waited = Signal(READ_LATENCY + 1)
        reading = Signal()
        m.d.comb += [
            reading.eq(self.state.strobe & ~self.state.write),
            self.state.acknowledge.eq(Mux(self.state.write, self.state.strobe,
                                          reading & waited[-1])),
            self.row.eq(self.state.row),
            self.write_enable.eq((self.state.strobe & self.state.write) << self.state.lane),
            self.state.read_data.eq(self.read_data[self.state.lane]),
        ]
        m.d.comb += [word.eq(self.state.write_data) for word in self.write_data]
        m.d.sync += waited.eq(Mux(reading & ~waited[-1], waited << 1 | 1, 0))
        return m


class ConstantTable(wiring.Component):
    """Table of unsigned constants, read with a latency of one cycle.

    Parameters
    ----------
    values
        The entries, at least one.

    Members
    -------
    index : In(range(len(values)))
    value : Out(range(max(values) + 1))
        The entry that was addressed one cycle before.
    """

    def __init__(self, values: Sequence[int]) -> None:
        if not values:
            raise ValueError("`values` must have at least one entry")
        self._values = tuple(values)
        super().__init__({
            "index": In(index_shape(len(self._values))),
            "value": Out(max(1, bits_for(max(self._values)))),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        if len(set(self._values)) == 1:
            m.d.comb += self.value.eq(self._values[0])
        elif self._values == tuple(range(len(self._values))):
            m.d.sync += self.value.eq(self.index)
        else:
            m.submodules.table = table = Memory(
                shape=len(self.value), depth=len(self._values), init=self._values)
            read = table.read_port()
            m.d.comb += [read.addr.eq(self.index), self.value.eq(read.data)]
        return m
