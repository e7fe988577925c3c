"""The options of `seqrt train`, each declared once; `seqrt compare` shares those marked `shared`.

Each becomes the field of the same name in seqrt.training.runs.plan.Plan, whose defaults apply where
an option is left out. The help repeats them in brackets, and a test compares the two.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Final, Literal

from seqrt.cli.options import Option, parse_levels, parse_names, parse_sizes, parse_span
from seqrt.errors import UsageError

# Repeated from seqrt.contract and seqrt.training, which this file may not import: a test compares
# them.
Task = Literal["forecast", "regress", "classify", "tag"]
Cell = Literal["rnn", "lstm", "gru", "mingru"]
Missing = Literal["error", "forward", "mean", "indicator"]
Dates = Literal["dmy", "mdy"]
Nonlinearity = Literal["tanh", "relu"]
Init = Literal["chrono", "torch"]
Method = Literal["auto", "forecaster", "plain"]


def parse_learning_rate(flag: str, text: str) -> float | str:
    """Return the learning rate, or the word auto."""
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{flag} must be a number or auto, got {text!r}.") from None


TRAINING: Final = (
    # the data
    Option("task", Task, "Task to learn", "inferred from the data", shared=True),
    Option(
        "target",
        list[str],
        "Columns to predict, separated by commas",
        metavar="NAMES",
        parse=parse_names,
        shared=True,
    ),
    Option(
        "features",
        list[str],
        "Columns to use as inputs, separated by commas",
        "every numeric column",
        metavar="NAMES",
        parse=parse_names,
        shared=True,
    ),
    Option(
        "categories",
        list[str],
        "Columns of text or codes to use as one-hot inputs, separated by commas",
        "none",
        metavar="NAMES",
        parse=parse_names,
        shared=True,
    ),
    Option(
        "calendar",
        list[str],
        "Cycles of the time to use as inputs, separated by commas: minute, hour, weekday,"
        " monthday, month, yearday",
        "none",
        metavar="CYCLES",
        parse=parse_names,
        shared=True,
    ),
    Option(
        "future",
        list[str],
        "Columns of a forecast that are known over its horizon, separated by commas",
        "none",
        metavar="NAMES",
        parse=parse_names,
        shared=True,
    ),
    Option(
        "window",
        int,
        "Number of rows in each window of a table; a forecast from windows is a plain network",
        "24",
        metavar="ROWS",
        shared=True,
    ),
    Option("horizon", int, "Number of rows to forecast ahead", "1", metavar="ROWS", shared=True),
    Option(
        "length",
        int,
        "Sequence length of a built-in task, or number of rows of a built-in series",
        "100; 1200",
        metavar="STEPS",
        shared=True,
    ),
    Option(
        "span",
        str,
        "Rows to use, from one time or row number to another",
        "all",
        metavar="FIRST:LAST",
        parse=parse_span,
        shared=True,
    ),
    Option(
        "series",
        list[str],
        "Columns that tell several series in a table apart, separated by commas",
        "unique_id, if there is one",
        metavar="NAMES",
        parse=parse_names,
        shared=True,
    ),
    Option(
        "time",
        str,
        "Column with the time of each row; none keeps the order of the file",
        "found by its cells",
        metavar="COLUMN",
        shared=True,
    ),
    Option(
        "dates",
        Dates,
        "Whether 03/04/2024 is day first or month first",
        "decided by all cells",
        shared=True,
    ),
    # forecasts
    Option(
        "method",
        Method,
        "How to forecast: forecaster, which knows level, scale and season of each series; plain, a"
        " network over windows; or auto, a forecaster unless an option asks for another network",
        "auto",
        typed="recipe",
    ),
    Option(
        "levels",
        str,
        "Levels of the prediction intervals in percent, separated by commas, such as 80,95",
        "none",
        metavar="LEVELS",
        parse=parse_levels,
    ),
    Option("season", int, "Season of a forecaster", "found in the data", metavar="ROWS"),
    Option(
        "context",
        int,
        "Rows that a forecaster reads at a time",
        "2 to 14 seasons",
        metavar="ROWS",
    ),
    Option(
        "val",
        float,
        "Share of the data held back for validation",
        "0.2",
        metavar="SHARE",
        shared=True,
    ),
    Option(
        "folds",
        int,
        "Train this many networks, each validated on another part of the data, and average them",
        "one network",
        metavar="NUMBER",
    ),
    Option(
        "missing",
        Missing,
        "How to read empty cells and NaN, in training and in the exported file",
        "error",
        shared=True,
    ),
    Option(
        "channels_first",
        bool,
        "Read arrays as (sequences, features, steps), not (sequences, steps, features)",
        shared=True,
    ),
    # the network
    Option(
        "start_from",
        str,
        "Continue a finished run, its folder or weights file, with this data",
        "a new network",
        metavar="RUN",
        typed="from",
    ),
    Option("cell", Cell, "Kind of recurrent layer", "lstm"),
    Option(
        "units",
        str,
        "Units of each layer, separated by commas",
        "64,32",
        metavar="SIZES",
        parse=parse_sizes,
    ),
    Option(
        "bidirectional", bool, "Read sequences in both directions; such a network cannot stream"
    ),
    Option(
        "front",
        str,
        "Layer in front of the recurrent ones: conv:K or conv:KxC, a causal convolution of K steps"
        " to C channels, or segments:W, to read W steps at a time",
        "none",
        metavar="LAYER",
    ),
    Option(
        "pool",
        str,
        "What the output is computed from: the last step, or the mean, max or attention over all",
        "last",
        metavar="KIND",
    ),
    Option("layer_norm", bool, "Apply layer normalisation between layers"),
    Option("residual", bool, "Add the output of each layer to that of the next, of equal units"),
    Option("dropout", float, "Dropout rate between layers", "0", metavar="SHARE"),
    Option("nonlinearity", Nonlinearity, "Activation function of the rnn cell", "tanh"),
    Option(
        "init",
        Init,
        "Initial weights: chrono, for long memory, or those of torch",
        "chrono for built-in tasks and for sequences over 50 steps",
    ),
    Option(
        "memory",
        int,
        "Number of steps that chrono weights remember",
        "the longest sequence",
        metavar="STEPS",
    ),
    # the training loop
    Option(
        "epochs",
        int,
        "Maximum number of epochs",
        "100, or 10 for a built-in task; more for a small data set, to make 500 steps",
        metavar="NUMBER",
        shared=True,
    ),
    Option("batch_size", int, "Sequences per batch", "32", metavar="NUMBER", shared=True),
    Option(
        "lr",
        str,
        "Peak learning rate, or auto to find one; --from takes a tenth of the run's",
        "0.002",
        metavar="RATE",
        parse=parse_learning_rate,
        shared=True,
    ),
    Option("clip", float, "Maximum gradient norm", "1", metavar="NORM"),
    Option(
        "patience",
        int,
        "Stop after this many epochs without improvement",
        "a quarter of the epochs; all of them for a built-in task",
        metavar="EPOCHS",
    ),
    Option(
        "noise",
        float,
        "Standard deviation of the noise added to the scaled features",
        "0",
        metavar="SIZE",
        shared=True,
    ),
    Option(
        "tbptt",
        int,
        "Truncate backpropagation to this many steps, to save memory",
        "whole sequences",
        metavar="STEPS",
    ),
    Option("accumulate", int, "Batches per optimiser step", "1", metavar="NUMBER"),
    Option(
        "balance",
        bool,
        "Weigh each class by its inverse frequency, so that rare ones count as much as common ones",
        shared=True,
    ),
    Option("seed", int, "Seed for data, weights and noise", "0", metavar="NUMBER"),
    Option("device", str, "Device: cpu, cuda, cuda:1 or auto", "cpu", metavar="NAME", shared=True),
    Option(
        "threads",
        int,
        "Number of CPU threads",
        "chosen by the size of the network",
        metavar="NUMBER",
    ),
)

COMPARED: Final = tuple(option for option in TRAINING if option.shared)


def typed_option(name: str) -> str:
    """Return the option with this name as it is typed."""
    return next((o.flag for o in TRAINING if o.name == name), f"--{name.replace('_', '-')}")


def training_data(data: str) -> str:
    """Return the file or built-in name to train on; raise UsageError if it is neither."""
    from seqrt.training.problems.prepare import BUILT_IN

    if data in BUILT_IN or Path(data).suffix or Path(data).exists():
        return data
    near = difflib.get_close_matches(data, BUILT_IN, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(
        f"DATA must be a file or a built-in task or series ({', '.join(BUILT_IN)}),"
        f" got {data!r}.{hint}"
    )
