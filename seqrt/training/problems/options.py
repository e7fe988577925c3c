"""Data options: how a source of data is read, and what is to be learnt from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

from seqrt.contract.columns import Cycle
from seqrt.contract.manifest import Missing, Task
from seqrt.contract.text import TokenKind
from seqrt.encoding.times import DateOrder
from seqrt.errors import UsageError

# Options that take several names.
NAME_LISTS: Final = ("target", "features", "categories", "calendar", "future", "series")


@dataclass(frozen=True)
class DataOptions:
    """How to read a file or a built-in task; None and () mean: infer it from the data.

    For tables: the `target` and `features` columns, `categories`, which become one-hot features,
    the cycles of the `calendar` that become features, and `future`, the columns whose values are
    known over the horizon; `window` and `horizon` in rows, and `span`, the rows from one time to
    another, both included. The columns `series` tell several series apart; `time` is the name of
    the time column, or none to keep the order of the file; `dates` says whether 03/04/2024 is day
    first (dmy) or month first (mdy).

    For texts: `text` is the column that holds them, read as `tokens`; words that occur less than
    `min_count` times in the training part are unknown.

    For built-in data: `length`, the steps of a task or the rows of a series. `missing` is the
    policy for missing values, see seqrt.training.networks.missing. With `channels_first`, sequences
    are stored as (batch, features, time).
    """

    task: Task | None = None
    target: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    calendar: tuple[Cycle, ...] = ()
    future: tuple[str, ...] = ()
    window: int | None = None
    horizon: int | None = None
    length: int | None = None
    span: tuple[str | None, str | None] | None = None
    series: tuple[str, ...] = ()
    time: str | None = None
    dates: DateOrder | None = None
    missing: Missing = "error"
    channels_first: bool = False
    text: str | None = None
    tokens: TokenKind | None = None
    min_count: int = 2

    def __post_init__(self) -> None:
        """Take a single name, or None, where a tuple of names is due."""
        for name in NAME_LISTS:
            object.__setattr__(self, name, as_names(getattr(self, name)))

    def check(self) -> None:
        """Raise UsageError if an option is out of range."""
        if self.task not in (None, *get_args(Task)):
            raise UsageError(f"task must be one of {', '.join(get_args(Task))}, got {self.task!r}.")
        if self.missing not in get_args(Missing):
            raise UsageError(
                f"missing must be one of {', '.join(get_args(Missing))}, got {self.missing!r}."
            )
        wrong = [cycle for cycle in self.calendar if cycle not in get_args(Cycle)]
        if wrong:
            raise UsageError(
                f"calendar must name cycles among {', '.join(get_args(Cycle))}, got {wrong[0]!r}."
            )
        if self.dates not in (None, *get_args(DateOrder)):
            raise UsageError(f"dates must be dmy or mdy, got {self.dates!r}.")
        if self.tokens not in (None, *get_args(TokenKind)):
            raise UsageError(f"tokens must be words or bytes, got {self.tokens!r}.")
        if self.min_count < 1:
            raise UsageError(f"min_count must be at least 1, got {self.min_count}.")
        if self.length is not None and self.length < 1:
            raise UsageError(f"length must be at least 1, got {self.length}.")

    def reject_for_sequences(self, *applying: str) -> None:
        """Raise UsageError if an option is given that applies to tables only, save `applying`."""
        names = (*NAME_LISTS, "window", "horizon", "span", "time", "dates", "text", "tokens")
        wrong = self._given(names, applying)
        if wrong:
            raise UsageError(
                "table options do not apply to sequences with targets, got"
                f" {', '.join(wrong)}. Drop them."
            )

    def reject_for_texts(self) -> None:
        """Raise UsageError if an option is given that does not apply to a table of texts."""
        if self.task in ("forecast", "generate"):
            raise UsageError(
                f"task {self.task} does not apply to texts with targets. Use --task classify,"
                " regress or tag."
            )
        names = (*NAME_LISTS, "window", "horizon", "span", "time", "dates")
        wrong = self._given(names, ("target",))
        if self.missing != "error":
            wrong.append("--missing")
        if wrong:
            raise UsageError(
                f"{', '.join(wrong)} {'does' if len(wrong) == 1 else 'do'} not apply to texts, each"
                " of which is a sequence of its own. Drop"
                f" {'it' if len(wrong) == 1 else 'them'}, or --text."
            )

    def reject_for_books(self) -> None:
        """Raise UsageError if an option is given that does not apply to a language model."""
        self.reject_for_sequences("text", "tokens")
        if self.tokens == "words" or self.min_count != DataOptions.min_count:
            wrong = "--tokens words" if self.tokens == "words" else "--min-count"
            raise UsageError(f"a language model reads bytes, got {wrong}. Drop it.")

    def reject_of_texts(self, source: str) -> None:
        """Raise UsageError if an option of texts is given for other data."""
        wrong = self._given(("tokens",))
        wrong += ["--min-count"] if self.min_count != DataOptions.min_count else []
        if wrong:
            raise UsageError(
                f"{', '.join(wrong)} {'applies' if len(wrong) == 1 else 'apply'} to texts, but"
                f" {source} is not read as texts. Name the column with --text, or drop"
                f" {wrong[0]}."
            )

    def _given(self, names: Sequence[str], applying: Sequence[str] = ()) -> list[str]:
        given = [name for name in names if getattr(self, name) not in (None, ())]
        return [f"--{name}" for name in given if name not in applying]


def as_names(names: Sequence[str] | str | None) -> tuple[str, ...]:
    """Return names as a tuple; a string is one name, and None no name."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)
