"""TOML and JSON that break their parsers, or those who walk the tree."""

import time

import pytest

from crosswall.reading import UnreadableError, parse_json, parse_toml, read_json, read_toml


def test_what_is_valid_is_read(tmp_path):
    text = '\ufeffa.b = [1, -0.5e3, true]\n[c]\n"d.e" = "f.g.h"  # i.j.k\n'
    tree = {"a": {"b": [1, -500.0, True]}, "c": {"d.e": "f.g.h"}}
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    assert read_toml(tmp_path / "own.toml") == tree
    (tmp_path / "own.json").write_text('{"a": [null, "\\u00b5", 18446744073709551615]}')
    assert read_json(tmp_path / "own.json", 100) == {"a": [None, "µ", 2**64 - 1]}


@pytest.mark.parametrize(("text", "words"), [
    ("a = " + "[" * 5000 + "]" * 5000, "nested more than 32 deep"),
    ("a = " + "{a = " * 5000 + "1" + "}" * 5000, "nested more than 32 deep"),
    ("a = " + "[" * 40 + "]" * 40, "nested more than 32 deep"),
    ("a = " + "9" * 5000, "a whole number of more than 64 bits"),
    ("a = 0x" + "f" * 5000, "a whole number of more than 64 bits"),
    (f"a = {2**64}", "a whole number of more than 64 bits"),
    (".".join("a" * 34) + " = 1", "a key of more than 32 parts"),
    ("[" + ".".join(['"="'] * 34) + "]", "a key of more than 32 parts"),
    ("a = = 1", "at line 1, column 5"),
    ("a = \"\x00\"", "Illegal character"),
    ("\"" + "k" * 5000 + "\nk\" = 1", "Illegal character"),
])
def test_toml_that_is_none_or_too_much_is_refused(text, words):
    with pytest.raises(UnreadableError, match=f"is not valid TOML: .*{words}.*; correct it there"):
        parse_toml(text)


@pytest.mark.parametrize(("text", "words"), [
    ("[" * 100_000, "nested more than 32 deep"),
    ("[" * 33 + "]" * 33, "nested more than 32 deep"),
    ("9" * 5000, "a whole number of more than 64 bits"),
    (f"[{-2**63 - 1}]", "a whole number of more than 64 bits"),
    (r'{"\ud800": 1}', "half of a surrogate pair"),
    ("", "line 1 column 1"),
])
def test_json_that_is_none_or_too_much_is_refused(text, words):
    with pytest.raises(UnreadableError, match=f"is not valid JSON: .*{words}.*; correct it there"):
        parse_json(text)


def test_nesting_up_to_the_limit_is_read():
    assert parse_json("[" * 31 + "]" * 31)
    assert parse_toml(".".join("a" * 31) + " = 1")


def test_dots_in_texts_numbers_and_comments_are_no_parts_of_keys():
    dots = "a." * 50 + "a"
    text = (f'a = "{dots}"\nb = \'{dots}\'\nc = """\n{dots}\n"{dots}\\""""\n'
            f"d = \'\'\'\n{dots}\'\'\'\n# {dots}\ne = [" + "0.5, " * 50 + "]")
    tree = parse_toml(text)
    assert tree["a"] == tree["b"] == tree["d"] == dots and tree["e"] == [0.5] * 50


def test_long_dotted_keys_do_not_cost_the_square_of_their_length():
    start = time.process_time()
    with pytest.raises(UnreadableError, match="a key of more than 32 parts"):
        parse_toml("a." * 500_000 + "a = 1")
    assert time.process_time() - start < 20  # the parser would need hours, and gigabytes


def test_message_is_one_line_of_bearable_length():
    with pytest.raises(UnreadableError) as caught:
        parse_toml("a = 1\n" * 2)
    assert "\n" not in str(caught.value)
    with pytest.raises(UnreadableError) as caught:
        parse_toml(f"[{'k' * 5000}]\n" * 2)
    assert len(str(caught.value)) < 300
