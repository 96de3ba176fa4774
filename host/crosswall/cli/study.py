"""``crosswall study``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from crosswall import study as studies
from crosswall.errors import UsageError
from crosswall.study import Options, Study, api
from crosswall.study.file import MAX_SEEDS, study_names, study_text

from .common import (
    force_option,
    json_option,
    log,
    print_json,
    quiet_option,
    refuse_all_but,
    say,
)
from .stopping import stopping


class _Count(click.ParamType):
    """A number of samples, or all."""

    name = "N|all"

    def convert(self, value: object, parameter: click.Parameter | None,
                context: click.Context | None) -> int | Literal["all"]:
        if value == "all":
            return "all"
        text = str(value)
        if not text.isdecimal() or int(text) < 1:
            self.fail(f"{text!r} is not a number of samples, 1 or more, or 'all'", parameter,
                      context)
        return int(text)


@click.command()
@click.argument("study", metavar="[NAME|FILE.toml]", required=False)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", default=Path("studies"),
              show_default=True, help="Folder for the results: DIR/NAME, and DIR/points, which "
              "all studies share.")
@force_option
@click.option("--data", metavar="PATH", help="Folder that holds the data sets.")
@click.option("--train", type=_Count(), metavar="N|all",
              help="Training samples, in place of the study's.")
@click.option("--test", type=_Count(), metavar="N|all", help="Test samples, likewise.")
@click.option("--seeds", type=click.IntRange(1, MAX_SEEDS), metavar="N",
              help="Seeds 1 to N of every point. Default: as the study says, mostly 3.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N",
              help="Experiments at a time. Default: one a core.")
@click.option("--plots/--no-plots", "draw", default=None,
              help="Draw figures. Default: if matplotlib is installed.")
@click.option("--list", "listing", is_flag=True,
              help="List the studies; of a study, its points. Run nothing.")
@click.option("--show", is_flag=True, help="Print the study's file, as a start for your own.")
@quiet_option
@json_option
def study(study: str | None, out: Path, force: bool, listing: bool, show: bool, jobs: int | None,
          draw: bool | None, quiet: bool, as_json: bool,
          data: str | None, train: int | Literal["all"] | None,
          test: int | Literal["all"] | None, seeds: int | None) -> None:
    """Run a study: many experiments on the twin, from one file.

    DIR/NAME gets table.md, table.csv and figures with their data. What has been run before is
    not run again: after Ctrl-C the same command goes on.
    """
    if show:
        refuse_all_but({"study", "show"}, "with --show")
    elif listing:
        refuse_all_but({"listing"} if study is None else
                       {"study", "listing", "data", "train", "test", "seeds"}, "with --list")
    options = Options(train=train, test=test, seeds=seeds, data=data)
    if study is None:
        if not listing:
            raise UsageError(f"missing NAME or FILE.toml; studies are {', '.join(study_names())}")
        for name in study_names():
            click.echo(f"{name:<14} {Study.load(name).file.study.title}")
        return
    if show:
        click.echo(study_text(study), nl=False)
        return
    chosen = Study.load(study)
    if listing:
        _list_points(chosen, options)
        return
    with stopping(log) as stop, StudyDisplay(log, quiet=quiet) as display:
        def on_event(event: api.Event) -> None:
            stop.armed = True
            display(event)

        outcome = studies.run(chosen, out=out, force=force, options=options, jobs=jobs,
                              draw=draw, on_event=on_event, stop=stop, notice=say)
    if as_json:
        print_json(outcome.table.as_dict())
    else:
        click.echo(outcome.table.markdown(), nl=False)
        say(f"written to {out / chosen.name}: {', '.join(path.name for path in outcome.files)}")


def _list_points(chosen: Study, options: Options) -> None:
    for point in api.study_points(chosen, options, say):
        count = len(point.experiments)
        click.echo(f"{point.label}: {count} seed{'s' if count > 1 else ''}")


class StudyDisplay:
    """Listens to a study: a bar with the time left on a terminal, a line for each experiment
    elsewhere. A context manager."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._live = console.is_terminal and not quiet
        self._finished = self._planned = 0
        self._last = ""
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.fields[count]}"), BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
            TextColumn("{task.fields[last]}"), console=console, disable=not self._live)
        self._task = self._progress.add_task("", total=1.0, count="", last="")

    def __enter__(self) -> StudyDisplay:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def __call__(self, event: api.Event) -> None:
        if isinstance(event, api.Planned):
            self._planned = event.experiments
            self._print(f"{event.experiments} experiments to run, {event.reused} known")
            self._update(None)
        elif isinstance(event, api.Advanced):
            self._update(event.share)
        else:
            self._finished += 1
            self._show(event)

    def _show(self, event: api.PointFinished) -> None:
        what = "failed: " + str(event.error) if event.error is not None else \
            "done" if event.accuracy is None else f"{event.accuracy:.2%}"
        line = f"{event.label}, seed {event.seed}: {what}"
        if event.error is not None:
            say(line)
        elif not self._live:
            self._print(f"{self._finished}/{self._planned} {line}")
        self._update(None, line)

    def _update(self, share: float | None, last: str = "") -> None:
        self._last = last or self._last
        self._progress.update(self._task, completed=share, last=self._last,
                              count=f"{self._finished}/{self._planned}")

    def _print(self, line: str) -> None:
        if not self._quiet:
            self._console.print(f"crosswall: {line}", soft_wrap=True)
