"""What came of the changed files, by kind."""

from collections import Counter, defaultdict

import pytest

_OUTCOMES = pytest.StashKey[dict[str, Counter[str]]]()


@pytest.fixture
def fuzz_outcomes(request: pytest.FixtureRequest) -> dict[str, Counter[str]]:
    """How often each outcome was seen, by kind of file; printed in the end with ``--fuzz``."""
    return request.config.stash.setdefault(_OUTCOMES, defaultdict(Counter))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter,
                            config: pytest.Config) -> None:
    if not config.getoption("fuzz"):
        return
    for kind, counts in config.stash.get(_OUTCOMES, {}).items():
        shares = ", ".join(f"{name} {count}" for name, count in counts.most_common())
        terminalreporter.write_line(f"{kind}: {counts.total()} files: {shares}")
