"""`seqrt train`: a file, or a built-in series, becomes a run folder with a trained network."""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seqrt.cli.account import figures, record, understood, verdict
from seqrt.cli.models import JsonOption
from seqrt.cli.progress import showing
from seqrt.cli.words import names, sizes
from seqrt.cli.words import span as ends
from seqrt.errors import SeqrtError, UsageError

if TYPE_CHECKING:
    from seqrt.training.train import Result, Run

# The words of seqrt.contract.manifest: a test holds them together.
Task = Literal["forecast", "regress", "classify", "tag"]
Cell = Literal["rnn", "lstm", "gru"]
Nonlinearity = Literal["tanh", "relu"]
Init = Literal["chrono", "torch"]

_BUILT_IN = "mackey-glass"


# An option that is left out has the default of seqrt.training.plan.Plan, which the help shows in
# brackets: a test holds the two together.
def train(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="A .csv, .parquet, .npy or .npz file, or a built-in series: mackey-glass or"
            " sine-mix  [mackey-glass]",
        ),
    ] = None,
    task: Annotated[Task | None, typer.Option(help="What to learn  [told from the data]")] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Columns to learn, with commas between"),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Columns to learn from  [all that hold numbers]"),
    ] = None,
    window: Annotated[
        int | None, typer.Option(metavar="ROWS", help="Rows of a table to look back  [24]")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(metavar="ROWS", help="Rows of a table to look ahead  [1]")
    ] = None,
    span: Annotated[
        str | None,
        typer.Option(metavar="FIRST:LAST", help="Rows to use, by time or number  [all]"),
    ] = None,
    val: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Share of the data kept for validation  [0.2]"),
    ] = None,
    cell: Annotated[Cell | None, typer.Option(help="Kind of layer  [lstm]")] = None,
    units: Annotated[
        str | None, typer.Option(metavar="SIZES", help="Size of each layer  [64,32]")
    ] = None,
    bidirectional: Annotated[
        bool, typer.Option("--bidirectional", help="Read both ways; such a net cannot stream")
    ] = False,
    layer_norm: Annotated[
        bool, typer.Option("--layer-norm", help="Normalise between layers")
    ] = False,
    dropout: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Dropout between layers  [0]")
    ] = None,
    nonlinearity: Annotated[
        Nonlinearity | None, typer.Option(help="Of the rnn cell  [tanh]")
    ] = None,
    init: Annotated[
        Init | None,
        typer.Option(help="First weights  [chrono, to remember, if over 50 steps; else torch]"),
    ] = None,
    memory: Annotated[
        int | None, typer.Option(metavar="STEPS", help="What chrono remembers  [the longest]")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Passes over the data, at most  [100]")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Sequences in a step  [32]")
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="Highest learning rate of Adam  [0.002]"),
    ] = None,
    clip: Annotated[
        float | None, typer.Option(metavar="NORM", help="Largest norm of the gradient  [1]")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(metavar="EPOCHS", help="Stop when so many bring none better  [25]"),
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(metavar="SIZE", help="Noise on the features, in scaled units  [0]"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Of all that is drawn  [0]")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1 or auto  [cpu]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FOLDER", help="Of the run  [a new one in runs/]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a network on your data; print the folder of the run.

    The folder holds the best weights, the settings, a row of figures an epoch, and pictures.
    Ctrl-C stops early and keeps the best weights so far. In [brackets]: what is taken where an
    option is left out.

    \b
    Examples:
      seqrt train sunspots.csv --target SUNACTIVITY --span 1700:1920
      seqrt train gestures.npz --task classify --cell gru --units 48
      seqrt train load.csv --target kW --features kW,temperature --horizon 3
    """
    from seqrt.training.plan import Plan
    from seqrt.training.train import start

    given = {
        "task": task,
        "target": names("--target", target),
        "features": names("--features", features),
        "window": window,
        "horizon": horizon,
        "span": ends(span),
        "val": val,
        "cell": cell,
        "units": sizes(units),
        "bidirectional": bidirectional,
        "layer_norm": layer_norm,
        "dropout": dropout,
        "nonlinearity": nonlinearity,
        "init": init,
        "memory": memory,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "clip": clip,
        "patience": patience,
        "noise": noise,
        "seed": seed,
        "device": device,
    }
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    run = start(Plan(_source(data), **options), out)
    for word, sentence in understood(run):
        _say(f"{word:12}{sentence}")
    with _kept(run):
        with showing(run.plan.epochs) as show:
            for epoch in run:
                show(epoch)
        result = run.finish()
    _tell(run, result)
    typer.echo(json.dumps(record(run, result), indent=2) if as_json else result.path)


def _tell(run: Run, result: Result) -> None:
    for line in (*verdict(run, result), "", *figures(run, result), ""):
        _say(line)
    for path in result.pictures:
        _say(f"picture     {path}")
    _say(f"next        {_export(run.path)}")


@contextmanager
def _kept(run: Run) -> Iterator[None]:
    """Say, when training is broken off, what is left and what to type."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, SeqrtError):
        best = [epoch.number for epoch in run.epochs if epoch.best]
        if best:
            _say(
                f"the best weights so far, of epoch {best[-1]}, are in {run.path}."
                f" Use them with: {_export(run.path)}"
            )
        else:
            _say("no epoch was finished: nothing is kept.")
            _discard(run.path)
        raise


def _discard(folder: Path) -> None:
    """Take back the folder of a run that learnt nothing, so that its name is free again."""
    from seqrt.training.runs import RECORD

    with suppress(OSError):
        (folder / RECORD).unlink()
        folder.rmdir()


def _export(path: Path) -> str:
    """The command that exports a run; the newest in runs/ needs no name."""
    newest = path.parent == Path("runs")
    return "seqrt export" if newest else f"seqrt export {shlex.quote(str(path))}"


def _source(data: str | None) -> str:
    """Return what to train on; raise UsageError for a word that is neither file nor series."""
    from seqrt.training.series import BUILT_IN

    if data is None:
        _say(f"no DATA: training on the built-in series {_BUILT_IN}")
        return _BUILT_IN
    if data in BUILT_IN or Path(data).suffix or Path(data).exists():
        return data
    near = difflib.get_close_matches(data, BUILT_IN, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(
        f"DATA must be a file or a built-in series ({', '.join(BUILT_IN)}), got {data!r}.{hint}"
    )


def _say(line: str) -> None:
    typer.echo(line, err=True)
