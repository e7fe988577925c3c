"""The `seqrt train` command that a description suggests, as it is typed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from seqrt.cli.training_options import TRAINING

if TYPE_CHECKING:
    from seqrt.cli.options import Option
    from seqrt.training.problems.description import Description

# The options of `seqrt train` that say how a file is read and what is learnt from it.
NAMES: Final = (
    "task",
    "text",
    "target",
    "tokens",
    "min_count",
    "features",
    "series",
    "time",
    "dates",
    "categories",
    "calendar",
    "future",
    "window",
    "horizon",
    "span",
    "missing",
    "channels_first",
)
_USUAL_COUNT = 2
DESCRIBED: Final = tuple(option for option in TRAINING if option.name in NAMES)
_ORDERED: Final = tuple(sorted(DESCRIBED, key=lambda option: NAMES.index(option.name)))


def train_command(description: Description) -> str:
    """Return the command that trains on what was described."""
    source = description.source
    names = source if isinstance(source, tuple) else (str(source),)
    words = ["seqrt train", *map(shlex.quote, names)]
    for option in _ORDERED:
        words += _typed(option, getattr(description.suggestion.options, option.name))
    return " ".join(words)


def _typed(option: Option, value: Any) -> Iterator[str]:
    """Yield an option and its value as they are typed, unless it is the default."""
    from seqrt.data.understanding.accounting import quoted

    if value in (None, (), False, "error") or (
        option.name == "min_count" and value == _USUAL_COUNT
    ):
        return
    yield option.flag
    if option.name == "span":
        yield shlex.quote(":".join(end or "" for end in value))
    elif isinstance(value, tuple):
        yield quoted(*value)
    elif value is not True:
        yield shlex.quote(str(value))
