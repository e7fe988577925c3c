"""Reading DATA for a trained model, and the options that say how a table is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seqrt.cli.options import parse_names
from seqrt.cli.predictions.texts import open_texts, reads_texts
from seqrt.cli.talk import say
from seqrt.errors import UsageError
from seqrt.wording import series_name

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.data import Sequences, Timeline
    from seqrt.data.readers.mapped import Mapped
    from seqrt.data.texts.ids import TextIds

_MOST_NAMES = 6
Dates = Literal["dmy", "mdy"]

SeriesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--series",
        metavar="NAMES",
        help="Columns that tell series apart, separated by commas  [those of training]",
    ),
]
TimeOption = Annotated[
    str | None,
    typer.Option("--time", metavar="COLUMN", help="Time column, or none  [that of training]"),
]
DatesOption = Annotated[
    Dates | None,
    typer.Option("--dates", help="Order of day and month in 03/04/2024  [that of training]"),
]


@dataclass(frozen=True)
class ReadOptions:
    """How DATA is read; what is not given is as in training."""

    series: list[str] | None = None
    time: str | None = None
    dates: Dates | None = None
    channels_first: bool = False
    text: str | None = None

    def check_unused(self, path: Path) -> None:
        """Raise UsageError if one is given for a file that is not a table."""
        self.check_numbers(path)
        if self.series or self.time or self.dates:
            raise UsageError(
                f"--series, --time and --dates apply to tables, but {path} holds an array."
                " Drop them."
            )

    def check_numbers(self, path: Path) -> None:
        """Raise UsageError for --text beside a model that reads numbers."""
        if self.text:
            raise UsageError(f"--text is for models that read text, but {path} is read as numbers.")

    def check_texts(self) -> None:
        """Raise UsageError if one is given for texts."""
        if self.series or self.time or self.dates or self.channels_first:
            raise UsageError(
                "--series, --time, --dates and --channels-first do not apply to texts, each of"
                " which is a sequence of its own. Drop them."
            )


def read_data(
    path: Path, manifest: Manifest, how: ReadOptions = ReadOptions()
) -> Timeline | Sequences:
    """Return the content of a file, a table as the model was trained on.

    Raises UsageError for options of tables beside sequences.
    """
    from seqrt.data import Sequences, read
    from seqrt.data.list_columns import holds_sequences, sequences_of
    from seqrt.data.ordering.as_trained import as_trained
    from seqrt.data.ordering.differences import differences

    how.check_numbers(path)
    data = read(path, channels_first=how.channels_first, trained=manifest)
    features = tuple(column.name for column in manifest.features)
    if not isinstance(data, Sequences) and holds_sequences(data, features):
        target = manifest.targets if set(manifest.targets) <= set(data.names) else ()
        data = sequences_of(data, features, target, manifest)
    if isinstance(data, Sequences):
        how.check_unused(path)
        return data
    names = parse_names("--series", how.series)
    timeline = as_trained(data, manifest, series=names, time=how.time, dates=how.dates)
    return replace(timeline, notes=(*timeline.notes, *differences(timeline, manifest)))


def open_data(
    path: Path, manifest: Manifest, how: ReadOptions = ReadOptions()
) -> Timeline | Sequences | Mapped | TextIds:
    """Return the content of a file, with the runs of a table that the model can predict.

    For a model of text it is the texts as ids.

    The array of a .npy file is mapped and not yet read, unless its columns have to be encoded.
    """
    from seqrt.data import Timeline
    from seqrt.data.known_ahead import predictable
    from seqrt.data.readers.mapped import Mapped

    if reads_texts(path, manifest):
        how.check_texts()
        return open_texts(path, manifest, how.text)
    if path.suffix.lower() == ".npy":
        ids = manifest.tokens > 0
        mapped = Mapped(path, channels_first=how.channels_first, ids=ids)
        if not (manifest.inputs or manifest.wide) or len(mapped.shape) == len("NTD"):
            how.check_unused(path)
            return mapped
    data = read_data(path, manifest, how)
    return predictable(data, manifest) if isinstance(data, Timeline) else data


def say_short(short: Sequence[tuple[str, ...]], series: int) -> None:
    """Name the series that are left out, because they have fewer rows than a window."""
    if not short:
        return
    names = ", ".join(map(series_name, short[:_MOST_NAMES]))
    hidden = len(short) - _MOST_NAMES
    more = f" and {hidden:,} more" if hidden > 0 else ""
    verb = "is" if len(short) == 1 else "are"
    say(
        f"{len(short):,} of {series:,} series {verb} left out, with too few rows for a window:"
        f" {names}{more}"
    )
