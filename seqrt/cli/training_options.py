"""The words that `seqrt train` and `seqrt compare` share: what to learn, from what, and how long.

An option that is left out has the default of seqrt.training.runs.plan.Plan, which the help shows in
brackets: a test holds the two together.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal

import typer

from seqrt.errors import UsageError

# The words of seqrt.contract.manifest: a test holds them together.
Task = Literal["forecast", "regress", "classify", "tag"]
Cell = Literal["rnn", "lstm", "gru"]
Missing = Literal["error", "forward", "mean", "indicator"]

TaskOption = Annotated[Task | None, typer.Option(help="What to learn  [told from the data]")]
TargetOption = Annotated[
    list[str] | None, typer.Option(metavar="NAMES", help="Columns to learn, with commas between")
]
FeaturesOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAMES", help="Columns to learn from  [all that hold numbers]"),
]
WindowOption = Annotated[
    int | None, typer.Option(metavar="ROWS", help="Rows of a table to look back  [24]")
]
HorizonOption = Annotated[
    int | None, typer.Option(metavar="ROWS", help="Rows of a table to look ahead  [1]")
]
LengthOption = Annotated[
    int | None,
    typer.Option(metavar="STEPS", help="Of a built-in task, or rows of a series  [100; 1200]"),
]
SpanOption = Annotated[
    str | None,
    typer.Option(metavar="FIRST:LAST", help="Rows to use, by time or number  [all]"),
]
ValOption = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Share of the data kept for validation  [0.2]"),
]
MissingOption = Annotated[
    Missing | None,
    typer.Option(help="How empty cells and NaN are read, here and in the file  [error]"),
]
EpochsOption = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER", help="Passes, at most  [100, of a task 10, or as make 500 steps]"
    ),
]
BatchSizeOption = Annotated[
    int | None, typer.Option(metavar="NUMBER", help="Sequences in a step  [32]")
]
RateOption = Annotated[
    str | None,
    typer.Option(metavar="RATE", help="Highest of Adam, or auto: by a short test  [0.002]"),
]
NoiseOption = Annotated[
    float | None,
    typer.Option(metavar="SIZE", help="Noise on the features, in scaled units  [0]"),
]
NetworkDeviceOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1 or auto  [cpu]")
]


def rate(text: str | None) -> float | str | None:
    """Return a learning rate, or the word auto; raise UsageError for anything else."""
    if text is None or text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--lr must be a number or auto, got {text!r}.") from None


def source(data: str) -> str:
    """Return what to train on; raise UsageError for a word that is neither file nor built in."""
    from seqrt.training.problems.prepare import BUILT_IN

    if data in BUILT_IN or Path(data).suffix or Path(data).exists():
        return data
    near = difflib.get_close_matches(data, BUILT_IN, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(
        f"DATA must be a file or built in ({', '.join(BUILT_IN)}), got {data!r}.{hint}"
    )
