"""`seqrt describe`: what seqrt understands of a file, before any training."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seqrt.cli.describing.suggested_command import DESCRIBED
from seqrt.cli.options import JsonOption, takes
from seqrt.cli.talk import say
from seqrt.errors import InputError, UsageError

if TYPE_CHECKING:
    from seqrt.training.problems.description import Description

_MOST_NAMES = 3

# Codes of files that describe cannot read either.
_UNREADABLE: Final = {
    f"E_INPUT_{name}"
    for name in ("FILE", "DAMAGED", "TRUNCATED", "BOMB", "MEMBERS", "ENCODING", "FORMAT", "SIZE")
}


@takes(DESCRIBED)
def describe(
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA",
            help="A .csv, .tsv, .jsonl, .parquet, .npy, .npz or .txt file; several tables or a"
            " folder of them, each a series; or a folder of .txt files for each class",
        ),
    ],
    *,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Picture of the data")
    ] = None,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Print what seqrt understands of DATA, and the command that trains on it.

    For a table: the series, the time and its step, and for each column its kind, its range, its
    missing values, and what it is used for, or why it is left out. For sequences: their number and
    length, the features, and the targets. For texts: their column, lengths and words. Then the
    task, the target and the window or season that suit the data, and what would stop the training,
    if anything does.

    The options are those of `seqrt train`, and the command has them too.

    \b
    Examples:
      seqrt describe sales.csv
      seqrt describe sales.csv --series store --plot sales.png
      seqrt describe reviews.csv
      seqrt describe moves.npz --json | jq -r .suggested.command
    """
    from seqrt.cli.describing.record import record
    from seqrt.cli.describing.report import report
    from seqrt.data import read
    from seqrt.training.problems.description import describe as description_of
    from seqrt.training.problems.description import describe_book
    from seqrt.training.problems.from_book import is_book
    from seqrt.training.problems.options import DataOptions

    if plot is not None:
        _check_plot(plot, data)
    chosen = DataOptions(**options)
    source = data[0] if len(data) == 1 else tuple(data)
    if is_book(source, chosen):
        description = describe_book(source, chosen)
    else:
        content = read(source, channels_first=chosen.channels_first)
        description = description_of(source, content, chosen)
    if as_json:
        typer.echo(json.dumps(record(description), indent=2))
    else:
        for line in report(description):
            typer.echo(line)
    if plot is not None:
        _draw(description, plot)


def _draw(description: Description, plot: Path) -> None:
    from seqrt.cli.describing.picture import picture
    from seqrt.drawing.style import save_figure

    figure = picture(description)
    if figure is None:
        say("picture: none, because there are no numbers to draw")
        return
    save_figure(figure, plot)
    say(f"picture: {plot}")


@contextmanager
def naming_describe(data: Sequence[str]) -> Iterator[None]:
    """Add to an error about DATA the command that shows what seqrt understands of it."""
    try:
        yield
    except (InputError, UsageError) as error:
        if data and all(map(os.path.exists, data)) and _is_about_columns(error, data):
            names = " ".join(map(shlex.quote, data)) if len(data) <= _MOST_NAMES else "DATA"
            error.args = (f"{error} See: seqrt describe {names}",)
        raise


def _is_about_columns(error: InputError | UsageError, data: Sequence[str]) -> bool:
    """Whether an error is about what a file holds, which describe shows."""
    message = str(error)
    if isinstance(error, InputError):
        return error.code.startswith("E_INPUT") and error.code not in _UNREADABLE
    if message.startswith("--from"):
        return False
    named = (*data, f"{len(data)} files")
    return any(name in message for name in named) or any(
        re.search(rf"{each.flag}\b", message) for each in DESCRIBED
    )


def _check_plot(plot: Path, data: Sequence[str]) -> None:
    """Raise an error if the picture cannot be drawn or written; before any work."""
    from seqrt.drawing.style import check_matplotlib
    from seqrt.files import check_not_input, check_writable

    if plot.suffix.lower() != ".png":
        raise UsageError(f"--plot must name a file that ends in .png, got {str(plot)!r}.")
    check_matplotlib()
    check_not_input(plot, *map(Path, data))
    check_writable(plot)
