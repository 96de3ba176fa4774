"""Shows the events of a run: bars on a terminal, one line a phase elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from crosswall.experiment.runner import Advanced, Event, PhaseFinished, PhaseStarted


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} samples/s", style="cyan")


class RunDisplay:
    """Listens to a run; call it with every event. A context manager."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._live = console.is_terminal and not quiet
        self._task: TaskID | None = None
        self._accuracy: float | None = None
        self._shown = 0.0
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description:<9}"), BarColumn(),
            MofNCompleteColumn(), _RateColumn(), TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[accuracy]}"), console=console, disable=not self._live)

    def __enter__(self) -> RunDisplay:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self._accuracy = None
            if self._live:
                self._task = self._progress.add_task(
                    event.span.kind, total=len(event.span), completed=event.done, accuracy="")
        elif isinstance(event, Advanced):
            self._accuracy = event.accuracy
            if self._task is not None and self._is_due(event):
                self._progress.update(self._task, completed=event.done,
                                      accuracy=_accuracy(event.accuracy))
        elif isinstance(event, PhaseFinished) and not self._live and not self._quiet:
            rate = len(event.span) / event.seconds if event.seconds else 0
            self._console.print(
                f"crosswall: {event.span.kind}: {len(event.span)} samples in "
                f"{event.seconds:.1f} s ({rate:,.0f} samples/s) {_accuracy(self._accuracy)}"
                .rstrip(), soft_wrap=True)

    def _is_due(self, event: Advanced) -> bool:
        """Whether to redraw: a fast board has more events than an eye can see."""
        now = time.monotonic()
        if now - self._shown < 0.05 and event.done < len(event.span):
            return False
        self._shown = now
        return True


def _accuracy(value: float | None) -> str:
    return "" if value is None else f"accuracy {value:.2%}"
