"""The register map, declared once.

The gateware's bank, the host's proxies, the C header and the documentation are
derived from :data:`REGISTERS`. Addresses count 32-bit words.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from .race import STEP_BITS, Race

MAGIC = int.from_bytes(b"CWAL", "little")
"""What register ``magic`` reads."""


class Access(enum.StrEnum):
    """How software may use a register."""

    CONSTANT = "constant"
    """Fixed when the gateware is built."""
    READ_ONLY = "read-only"
    """Driven by the gateware."""
    READ_WRITE = "read-write"
    """Kept in the bank; the gateware only looks at it."""
    SHARED = "shared"
    """Kept by a block of the gateware, which software reads and may set."""
    COMMAND = "command"
    """A write does something; reads give 0."""
    WINDOW = "window"
    """Every access does something (state window); may take many cycles."""


@dataclass(frozen=True)
class Field:
    """Bits of a register: ``width`` bits, listed from bit 0 up."""

    name: str
    width: int
    description: str
    reset: int = 0

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"a field's name must be an identifier: got {self.name!r}")
        if not 1 <= self.width <= 32:
            raise ValueError(f"field `{self.name}` must have 1 to 32 bits: got {self.width}")
        if not 0 <= self.reset < 1 << self.width:
            raise ValueError(f"reset of field `{self.name}` must fit {self.width} bits: "
                             f"got {self.reset}")


@dataclass(frozen=True)
class Register:
    """One 32-bit word of the control bus."""

    name: str
    address: int
    access: Access
    fields: tuple[Field, ...]
    description: str

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"a register's name must be an identifier: got {self.name!r}")
        if not 0 <= self.address <= 0xFFFF:
            raise ValueError(f"address of `{self.name}` must be 0 to 65535: got {self.address}")
        if self.width > 32:
            raise ValueError(f"the fields of `{self.name}` must fit 32 bits: got {self.width}")
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names):
            raise ValueError(f"the fields of `{self.name}` must have distinct names: got {names}")

    @property
    def width(self) -> int:
        """Bits that the fields fill."""
        return sum(field.width for field in self.fields)

    @property
    def reset(self) -> int:
        """The whole word after reset."""
        return self.pack(**{field.name: field.reset for field in self.fields})

    def shift(self, name: str) -> int:
        """Place of a field's lowest bit."""
        place = 0
        for field in self.fields:
            if field.name == name:
                return place
            place += field.width
        raise KeyError(f"register `{self.name}` has no field `{name}`")

    def pack(self, **values: int) -> int:
        """The word with these field values; fields not named are 0."""
        word = 0
        for name, value in values.items():
            field = next((field for field in self.fields if field.name == name), None)
            if field is None:
                raise KeyError(f"register `{self.name}` has no field `{name}`")
            if not 0 <= value < 1 << field.width:
                raise ValueError(f"`{self.name}.{name}` must be 0 to {(1 << field.width) - 1}: "
                                 f"got {value}")
            word |= value << self.shift(name)
        return word

    def unpack(self, word: int) -> dict[str, int]:
        """The field values in a word."""
        return {field.name: word >> self.shift(field.name) & (1 << field.width) - 1
                for field in self.fields}


class RegisterMap:
    """Registers by name; refuses duplicate names and addresses."""

    def __init__(self, registers: tuple[Register, ...]) -> None:
        self._by_name: dict[str, Register] = {}
        taken: dict[int, str] = {}
        for register in registers:
            if register.name in self._by_name:
                raise ValueError(f"two registers are named `{register.name}`")
            if register.address in taken:
                raise ValueError(f"`{register.name}` and `{taken[register.address]}` share "
                                 f"address {register.address}")
            taken[register.address] = register.name
            self._by_name[register.name] = register

    def __iter__(self) -> Iterator[Register]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> Register:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name


def _word(name: str, address: int, access: Access, description: str, width: int = 32,
          reset: int = 0) -> Register:
    return Register(name, address, access, (Field("value", width, description, reset),),
                    description)


REGISTERS = RegisterMap((
    # Identification: the first thing that a host reads.
    _word("magic", 0, Access.CONSTANT, "`CWAL`, little-endian"),
    _word("protocol_version", 1, Access.CONSTANT, "version of link, packets and register map", 16),
    _word("network_digest", 2, Access.CONSTANT, "fingerprint of the network (`Network.digest`)"),
    Register("build_lanes", 3, Access.CONSTANT, (
        Field("lanes", 16, "clustering neurons computed in parallel"),
        Field("readout_lanes", 16, "read-out synapses in one memory row"),
    ), "parallelism of the build"),
    Register("build_options", 4, Access.CONSTANT, (
        Field("slots", 8, "samples that the link holds: the host's credit"),
        Field("static_spread", 1, "devices can vary from synapse to synapse"),
        Field("single_port", 1, "read-out walls are kept in single-port memory"),
        Field("compact", 1, "built for a small FPGA: draws and pulses one at a time"),
        Field("overlap", 1, "a sample is clustered while the one before it is read out"),
        Field("positions", 7, "positions scored side by side"),
        Field("packed", 1, "samples may be packed (`crosswall.spec.packing`)"),
        Field("store", 5, "memory for samples has 2^this bytes; 0: there is none"),
    ), "buffers and options of the build"),
    _word("clock_frequency", 5, Access.CONSTANT, "clock in Hz; 0 in simulation"),
    Register("network_size", 6, Access.CONSTANT, (
        Field("pixels", 16, "input values of a sample"),
        Field("classes", 8, "read-out neurons"),
    ), "size of a sample"),
    Register("network_shape", 7, Access.CONSTANT, (
        Field("positions", 16, "receptive fields of a sample"),
        Field("neurons", 16, "neurons of a clustering crossbar"),
    ), "shape of the clustering stage"),
    _word("board_name_0", 8, Access.CONSTANT, "name of the board, ASCII, first four characters"),
    _word("board_name_1", 9, Access.CONSTANT, "name of the board, next four characters"),
    _word("board_name_2", 10, Access.CONSTANT, "name of the board, next four characters"),
    _word("board_name_3", 11, Access.CONSTANT, "name of the board, last four characters"),
    # Link.
    _word("next_sample", 16, Access.SHARED, "number of the sample that the link expects next"),
    _word("dropped_frames", 17, Access.READ_ONLY, "frames dropped: CRC, COBS, type or length; "
          "wraps", 8),
    _word("duplicate_samples", 18, Access.READ_ONLY, "samples that came again; wraps", 8),
    _word("gaps", 19, Access.READ_ONLY, "times a sample was missing; wraps", 8),
    # Machine.
    Register("status", 32, Access.READ_ONLY, (
        Field("idle", 1, "no sample is being processed or waiting"),
    ), "what the machine is doing"),
    _word("busy_cycles_low", 33, Access.READ_ONLY,
          "clock cycles spent on samples since power-up, low word; reading it holds the high bits"),
    _word("busy_cycles_high", 34, Access.READ_ONLY, "high bits, as held by the last low read; the "
          "whole wraps after 2^40 cycles", 8),
    # Rules: set while no sample is in flight.
    _word("seed", 48, Access.READ_WRITE, "seed of the learning draws"),
    _word("static_seed", 49, Access.READ_WRITE, "seed of the static draws (spread, stuck devices)"),
    _word("silence", 50, Access.READ_WRITE, "a position whose peak is below this is silent", 9, 12),
    Register("clustering_rule", 51, Access.READ_WRITE, (
        Field("stdp", 1, "0: rule *match*, 1: rule *stdp*"),
        Field("stdp_probability", 16, "pulse probability of rule *stdp* × 65536", 4096),
    ), "plasticity of the clustering crossbars"),
    _word("threshold_rise", 52, Access.READ_WRITE, "homeostasis: the winner's threshold rises by "
          "this", 31),
    _word("threshold_decay", 53, Access.READ_WRITE, "homeostasis: then every threshold falls by "
          "this", 31),
    _word("margin", 54, Access.READ_WRITE, "the label's score must exceed the rival's by this, or "
          "the read-out is taught", 31),
    _word("clustering_stuck", 55, Access.READ_WRITE, "share of stuck clustering synapses × 65536",
          16),
    _word("readout_stuck", 56, Access.READ_WRITE, "share of stuck read-out synapses × 65536", 16),
    _word("fire_threshold", 57, Access.READ_WRITE, "a racing neuron fires when its wall is at or "
          "above this", 31, Race.fire_threshold),
    Register("race", 58, Access.READ_WRITE, (
        Field("steps", STEP_BITS, "steps of the longest race", Race.steps),
        Field("leak", 4, "walls fall back by 2^-leak of their way each step; 0: no leak"),
        Field("inhibition_reach", 3, "neighbours on each side that inhibit, 0 to 4"),
        Field("inhibition", 5, "the nearest neighbour holds a wall back by its lead, at most "
              "2^this", Race.inhibition),
        Field("jitter", 5, "walls jitter by 147.8 × 2^(jitter − 1), standard deviation; 0: none"),
    ), "what racing neurons do in a step"),
    _word("refinement_margin", 59, Access.READ_WRITE, "the label's best neuron must exceed the "
          "best other by this, or both are refined", 31),
    # State window; served between samples.
    _word("state_memory", 64, Access.READ_WRITE, "memory that the window shows (`StateMemory`)", 3),
    _word("state_row", 65, Access.COMMAND, "go to lane 0 of this row"),
    _word("state_data", 66, Access.WINDOW, "the word there; every access steps to the next"),
    _word("ledger_capture", 67, Access.COMMAND, "copy all live counters at once, between samples",
          1),
))
"""Every register of the machine and its link."""


def pack_board_name(name: str) -> tuple[int, ...]:
    """A board's name as the four words of ``board_name_0`` … ``board_name_3``."""
    text = name.encode("ascii")
    if not 1 <= len(text) <= 16:
        raise ValueError(f"a board's name must have 1 to 16 ASCII characters: got {name!r}")
    text = text.ljust(16, b"\0")
    return tuple(int.from_bytes(text[place:place + 4], "little") for place in range(0, 16, 4))


def unpack_board_name(words: tuple[int, ...]) -> str:
    """The name in the four words of ``board_name_0`` … ``board_name_3``."""
    return b"".join(word.to_bytes(4, "little") for word in words).rstrip(b"\0").decode(
        "ascii", "replace")


def markdown() -> str:
    """The register map as a table, for ``docs/registers.md``."""
    lines = ["# Registers", "",
             "Generated from `crosswall.spec.registers` by `python -m crosswall.spec.registers "
             "markdown`; do not edit.", "",
             "| address | register | access | bits | field | reset | meaning |",
             "|---|---|---|---|---|---|---|"]
    for register in REGISTERS:
        for field in register.fields:
            low = register.shift(field.name)
            lines.append(f"| 0x{register.address:02x} | `{register.name}` | {register.access} "
                         f"| {low + field.width - 1}:{low} | `{field.name}` | {field.reset} "
                         f"| {field.description} |")
    return "\n".join(lines) + "\n"


def c_header() -> str:
    """The register map as a C header, for a soft CPU."""
    lines = ["/* Generated from crosswall.spec.registers; do not edit. Addresses count 32-bit "
             "words. */", "#ifndef CROSSWALL_REGISTERS_H", "#define CROSSWALL_REGISTERS_H", "",
             f"#define CROSSWALL_MAGIC 0x{MAGIC:08x}u"]
    for register in REGISTERS:
        prefix = f"CROSSWALL_{register.name.upper()}"
        lines += ["", f"/* {register.description} ({register.access}) */",
                  f"#define {prefix}_ADDRESS 0x{register.address:02x}u"]
        for field in register.fields:
            low = register.shift(field.name)
            mask = (1 << field.width) - 1 << low
            lines += [f"#define {prefix}_{field.name.upper()}_SHIFT {low}u",
                      f"#define {prefix}_{field.name.upper()}_MASK 0x{mask:08x}u"]
    return "\n".join(lines + ["", "#endif", ""])


if __name__ == "__main__":
    import sys

    outputs = {"markdown": markdown, "c": c_header}
    if sys.argv[1:] not in ([name] for name in outputs):
        sys.exit(f"usage: python -m crosswall.spec.registers {'|'.join(outputs)}")
    sys.stdout.write(outputs[sys.argv[1]]())
