"""Registers behind an ECP5's block RAMs are taken into them, where nothing else changes."""

import copy
import json

import pytest

from crosswall_boards.output_registers import use_output_registers, use_output_registers_in_file

CLOCK, OTHER_CLOCK, READ, GIVEN = 2, 3, 10, 50


def number(value):
    """As yosys writes a parameter."""
    return f"{value:032b}"


def ram(width=4):
    """A block RAM whose port B reads ``width`` bits to nets from `READ` on."""
    names = [f"DO{port}{bit}" for port in "AB" for bit in range(18)]
    outputs = names[:width] if width == 36 else names[18:18 + width]
    inputs = {f"{name}{port}": ["0"] for name in ("OCE", "RST") for port in "AB"}
    clocks = {"CLKA": [CLOCK], "CLKB": [CLOCK]}
    return {
        "type": "DP16KD",
        "parameters": {f"{name}_{port}": value for port in "AB" for name, value in (
            ("DATA_WIDTH", number(width)), ("REGMODE", "NOREG"))} | {
            "CLKAMUX": "CLKA", "CLKBMUX": "CLKB"},
        "port_directions": dict.fromkeys(names, "output") | dict.fromkeys(inputs | clocks, "input"),
        "connections": {name: [READ + bit] for bit, name in enumerate(outputs)} | inputs | clocks,
    }


def register(bit, **changes):
    """A plain flip-flop behind net ``READ + bit``, with other connections or parameters."""
    parameters = {"CEMUX": "1 ", "CLKMUX": "CLK", "LSRMUX": "LSR", "REGSET": "RESET"}
    connections = {"CLK": [CLOCK], "DI": [READ + bit], "LSR": ["0"], "Q": [GIVEN + bit]}
    for name, value in changes.items():
        (parameters if name in parameters else connections)[name] = value
    return {"type": "TRELLIS_FF", "parameters": parameters, "connections": connections,
            "port_directions": {name: "output" if name == "Q" else "input" for name in connections}}


def module(width=4, used=None, **changes):
    """A block RAM and what is behind it; ``changes`` are of the last flip-flop."""
    used = width if used is None else used
    registers = {f"register_{bit}": register(bit, **(changes if bit == used - 1 else {}))
                 for bit in range(used)}
    return {"cells": {"ram": ram(width), **registers},
            "ports": {"q": {"direction": "output", "bits": list(range(GIVEN, GIVEN + used))}}}


@pytest.mark.parametrize(("width", "used", "registered"), [
    (4, 4, "B"), (18, 18, "B"), (9, 5, "B"), (36, 36, "AB"), (36, 20, "AB"), (36, 12, "AB")])
def test_plain_registers_go_into_the_block_ram(width, used, registered):
    given = module(width, used)
    assert use_output_registers(given) == 1
    assert list(given["cells"]) == ["ram"]
    found = given["cells"]["ram"]
    for port in "AB":
        inside = port in registered
        assert found["parameters"][f"REGMODE_{port}"] == ("OUTREG" if inside else "NOREG")
        assert found["connections"][f"OCE{port}"] == ["1" if inside else "0"]
    names = [name for name in ram(width)["connections"] if name.startswith("DO")][:used]
    assert [found["connections"][name] for name in names] == [[GIVEN + bit] for bit in range(used)]


@pytest.mark.parametrize("changes", [
    {"CEMUX": "CE", "CE": [99]}, {"LSR": [99]}, {"REGSET": "SET"}, {"CLK": [OTHER_CLOCK]},
    {"CLKMUX": "INV"}], ids=str)
def test_one_register_with_anything_of_its_own_keeps_all_where_they_are(changes):
    given = module(**changes)
    before = copy.deepcopy(given)
    assert use_output_registers(given) == 0 and given == before


def test_enable_that_is_always_on_does_not_matter():
    assert use_output_registers(module(CEMUX="CE", CE=["1"])) == 1


def test_what_is_read_without_the_register_too_keeps_it_where_it_is():
    to_a_port, to_a_cell = module(), module()
    to_a_port["ports"]["early"] = {"direction": "output", "bits": [READ]}
    to_a_cell["cells"]["choice"] = {"type": "LUT4", "connections": {"A": [READ]},
                                    "port_directions": {"A": "input"}, "parameters": {}}
    assert use_output_registers(to_a_port) == use_output_registers(to_a_cell) == 0


def test_what_has_its_register_or_reads_on_a_falling_edge_is_left_alone():
    given = module()
    assert use_output_registers(given) == 1 and use_output_registers(given) == 0
    falling = module()
    falling["cells"]["ram"]["parameters"]["CLKBMUX"] = "INV"
    assert use_output_registers(falling) == 0


def test_a_file_is_rewritten_only_if_something_changed(tmp_path):
    path = tmp_path / "netlist.json"
    path.write_text(json.dumps({"modules": {"top": module(), "empty": {"cells": {}, "ports": {}}}}))
    assert use_output_registers_in_file(path) == 1
    text = path.read_text()
    assert "OUTREG" in text and use_output_registers_in_file(path) == 0 and path.read_text() == text
