"""`seqrt train`: a file, or what is built in, becomes a run folder with a trained network."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seqrt.cli.commands import train_folds
from seqrt.cli.commands.train_trials import TrialsOption, search
from seqrt.cli.interrupted import check_nothing_given, exporting, kept
from seqrt.cli.options import JsonOption
from seqrt.cli.progress import train_shown
from seqrt.cli.run_report import figures, record, understood, verdict
from seqrt.cli.signals import EXIT_CODES
from seqrt.cli.torchrun import one_voice
from seqrt.cli.training_options import (
    BatchSizeOption,
    Cell,
    EpochsOption,
    FeaturesOption,
    HorizonOption,
    LengthOption,
    MissingOption,
    NetworkDeviceOption,
    NoiseOption,
    RateOption,
    SpanOption,
    TargetOption,
    TaskOption,
    ValOption,
    WindowOption,
    rate,
    source,
)
from seqrt.cli.words import names, sizes
from seqrt.cli.words import span as ends

if TYPE_CHECKING:
    from seqrt.training.runs.record import Result
    from seqrt.training.runs.run import Run

# The words of seqrt.contract.manifest: a test holds them together.
Nonlinearity = Literal["tanh", "relu"]
Init = Literal["chrono", "torch"]

_BUILT_IN = "mackey-glass"


# An option that is left out has the default of seqrt.training.runs.plan.Plan, which the help shows
# in brackets: a test holds the two together.
def train(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="A .csv, .parquet, .npy or .npz file; or built in: adding, copying,"
            " temporal-order, reber, recall, mackey-glass or sine-mix  [mackey-glass]; with"
            " --resume the folder of a run",
        ),
    ] = None,
    task: TaskOption = None,
    target: TargetOption = None,
    features: FeaturesOption = None,
    window: WindowOption = None,
    horizon: HorizonOption = None,
    length: LengthOption = None,
    span: SpanOption = None,
    val: ValOption = None,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            help="Train so many, each judged on its own part; ship their mean  [one]",
        ),
    ] = None,
    missing: MissingOption = None,
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
        typer.Option(help="First weights  [chrono, to remember, over 50 steps or for a task]"),
    ] = None,
    memory: Annotated[
        int | None, typer.Option(metavar="STEPS", help="What chrono remembers  [the longest]")
    ] = None,
    epochs: EpochsOption = None,
    batch_size: BatchSizeOption = None,
    lr: RateOption = None,
    clip: Annotated[
        float | None, typer.Option(metavar="NORM", help="Largest norm of the gradient  [1]")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="EPOCHS", help="Stop when so many bring none better  [a quarter, of a task all]"
        ),
    ] = None,
    noise: NoiseOption = None,
    tbptt: Annotated[
        int | None,
        typer.Option(metavar="STEPS", help="Cut sequences in time, to save memory  [whole]"),
    ] = None,
    accumulate: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Batches in a step of Adam  [1]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Of all that is drawn  [0]")
    ] = None,
    device: NetworkDeviceOption = None,
    threads: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="To compute with  [as many as pay]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FOLDER", help="Of the run  [a new one in runs/]"),
    ] = None,
    trials: TrialsOption = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a run  [the newest unfinished in runs/]"),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a network on your data; print the folder of the run.

    The folder holds the best weights, the settings, a row of figures an epoch, and pictures.
    Ctrl-C finishes the step and keeps the best weights so far; --resume goes on, after a kill too,
    as if nothing had happened. In [brackets]: what is taken where an option is left out.

    --trials N tries N networks: lstm and gru, of one layer of 8 to 128 units or two (the second
    half as large), rates from 0.0003 to 0.03, dropout to 0.5, noise to 0.3, the defaults first.
    What is given stays. Optuna chooses from what it saw on the validation part, and ends what falls
    behind. The trials are left in search/, the best of them as the run.

    Started by torchrun, all processes train one network together, to the weights of one process.

    \b
    Examples:
      seqrt train sunspots.csv --target SUNACTIVITY --span 1700:1920
      seqrt train gestures.npz --task classify --cell gru --units 48
      seqrt train load.csv --target kW --features kW,temperature --horizon 3
      seqrt train co2.csv --missing forward
      seqrt train adding --length 200 --cell lstm
      seqrt train --resume runs/load-lstm-1
      seqrt train gestures.npz --cell gru --trials 20
      torchrun --nproc-per-node 2 -m seqrt train load.csv --target kW
    """
    given = {
        "task": task,
        "target": names("--target", target),
        "features": names("--features", features),
        "window": window,
        "horizon": horizon,
        "length": length,
        "span": ends(span),
        "val": val,
        "folds": folds,
        "missing": missing,
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
        "lr": rate(lr),
        "clip": clip,
        "patience": patience,
        "noise": noise,
        "tbptt": tbptt,
        "accumulate": accumulate,
        "seed": seed,
        "device": device,
        "threads": threads,
    }
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if trials is not None:
        search(_source(data), options, trials, out, resume=resume, as_json=as_json)
        return
    if train_folds.is_meant(data, options, resume=resume):
        train_folds.decide(
            train_folds.gone_on(data, options, out)
            if resume
            else train_folds.begun(_source(data), options, out),
            as_json=as_json,
        )
        return
    with one_voice():
        run = _gone_on(data, options, out) if resume else _begun(data, options, out)
        with kept(run):
            train_shown(run, run)
            if run.stopped:  # because another process was asked to
                raise SystemExit(EXIT_CODES[signal.SIGTERM])
            result = run.finish()
        _tell(run, result)
        typer.echo(json.dumps(record(run, result), indent=2) if as_json else result.path)


def _begun(data: str | None, options: dict[str, Any], out: Path | None) -> Run:
    from seqrt.training.runs.plan import Plan
    from seqrt.training.runs.run import start

    run = start(Plan(_source(data), **options), out)
    _introduce(run)
    return run


def _gone_on(data: str | None, options: dict[str, Any], out: Path | None) -> Run:
    """Go on with the run in the folder `data`; what it was told at the start holds."""
    from seqrt.training.runs.run import resume

    check_nothing_given(options, out)
    run = resume(data)
    _introduce(run)
    if run.warning:
        _say(f"warning: {run.warning}; going on from the one before.")
    at = run.checkpoints.start.standing
    _say(f"{'resume':12}in epoch {at.number}, after {at.step} steps of it")
    return run


def _introduce(run: Run) -> None:
    for word, sentence in understood(run):
        _say(f"{word:12}{sentence}")


def _tell(run: Run, result: Result) -> None:
    for line in (*verdict(run, result), "", *figures(run.plan, result), ""):
        _say(line)
    for path in result.pictures:
        _say(f"picture     {path}")
    _say(f"next        {exporting(run.path)}")


def _source(data: str | None) -> str:
    if data is None:
        _say(f"no DATA: training on the built-in series {_BUILT_IN}")
        return _BUILT_IN
    return source(data)


def _say(line: str) -> None:
    typer.echo(line, err=True)
