"""The register map and what derives from it."""

from pathlib import Path

import pytest

from crosswall.spec.registers import (
    MAGIC,
    REGISTERS,
    Access,
    Field,
    Register,
    RegisterMap,
    c_header,
    markdown,
    pack_board_name,
    unpack_board_name,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "registers.md"


def test_fields_pack_and_unpack():
    register = REGISTERS["clustering_rule"]
    word = register.pack(stdp=1, stdp_probability=0x1234)
    assert word == 1 | 0x1234 << 1
    assert register.unpack(word) == {"stdp": 1, "stdp_probability": 0x1234}
    assert register.reset == 4096 << 1


def test_values_wider_than_their_field_are_refused():
    with pytest.raises(ValueError, match=r"`clustering_rule.stdp` must be 0 to 1: got 2"):
        REGISTERS["clustering_rule"].pack(stdp=2)


def test_registers_and_fields_are_known_by_name():
    assert "seed" in REGISTERS and "sead" not in REGISTERS
    register = REGISTERS["race"]
    assert [register.shift(field.name) for field in register.fields] == [0, 8, 12, 15, 20]
    with pytest.raises(KeyError, match="register `race` has no field `leek`"):
        register.pack(leek=1)
    with pytest.raises(KeyError, match="register `race` has no field `leek`"):
        register.shift("leek")
    with pytest.raises(ValueError, match="`race.leak` must be 0 to 15: got -1"):
        register.pack(leak=-1)
    assert register.unpack(0xFFFFFFFF) == {
        "steps": 255, "leak": 15, "inhibition_reach": 7, "inhibition": 31, "jitter": 31}


@pytest.mark.parametrize(("values", "named"), [
    (("no name", 1, "x"), "a field's name must be an identifier: got 'no name'"),
    (("a", 0, "x"), "field `a` must have 1 to 32 bits: got 0"),
    (("a", 33, "x"), "field `a` must have 1 to 32 bits: got 33"),
    (("a", 2, "x", 4), "reset of field `a` must fit 2 bits: got 4"),
    (("a", 2, "x", -1), "reset of field `a` must fit 2 bits: got -1")])
def test_fields_that_cannot_be_are_refused(values, named):
    with pytest.raises(ValueError, match=named):
        Field(*values)


@pytest.mark.parametrize(("name", "address", "fields", "named"), [
    ("no name", 0, ("a",), "a register's name must be an identifier"),
    ("r", -1, ("a",), "address of `r` must be 0 to 65535: got -1"),
    ("r", 65536, ("a",), "address of `r` must be 0 to 65535: got 65536"),
    ("r", 0, ("a", "a"), "the fields of `r` must have distinct names")])
def test_registers_that_cannot_be_are_refused(name, address, fields, named):
    with pytest.raises(ValueError, match=named):
        Register(name, address, Access.READ_ONLY,
                 tuple(Field(field, 1, "x") for field in fields), "x")


def test_fields_and_registers_at_their_limits_are_taken():
    full = Register("r", 65535, Access.READ_WRITE, (Field("a", 32, "x", 0xFFFFFFFF),), "x")
    assert full.width == 32 and full.reset == 0xFFFFFFFF
    assert Field("a", 1, "x").reset == 0 and Field("a", 2, "x", 3).reset == 3


def test_magic_spells_the_name():
    assert MAGIC.to_bytes(4, "little") == b"CWAL"
    assert REGISTERS["magic"].address == 0


def word(name, address):
    return Register(name, address, Access.READ_WRITE, (Field("value", 32, "x"),), "x")


def test_duplicate_names_and_addresses_are_refused():
    with pytest.raises(ValueError, match="two registers are named `a`"):
        RegisterMap((word("a", 0), word("a", 1)))
    with pytest.raises(ValueError, match="`b` and `a` share address 0"):
        RegisterMap((word("a", 0), word("b", 0)))


def test_too_wide_registers_are_refused():
    with pytest.raises(ValueError, match="must fit 32 bits: got 33"):
        Register("a", 0, Access.READ_ONLY, (Field("b", 32, "x"), Field("c", 1, "x")), "x")


def test_the_committed_document_is_up_to_date():
    assert DOCUMENT.read_text() == markdown()


def test_the_c_header_names_every_field():
    header = c_header()
    for register in REGISTERS:
        assert f"CROSSWALL_{register.name.upper()}_ADDRESS 0x{register.address:02x}u" in header
        for field in register.fields:
            assert f"CROSSWALL_{register.name.upper()}_{field.name.upper()}_MASK" in header


def test_board_names_survive_the_registers():
    assert unpack_board_name(pack_board_name("icebreaker")) == "icebreaker"
    with pytest.raises(ValueError, match="1 to 16"):
        pack_board_name("a" * 17)
