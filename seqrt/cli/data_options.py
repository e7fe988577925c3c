"""The options of `seqrt train` that say how data is read, and what is to be learnt from it."""

from __future__ import annotations

from typing import Final, Literal

from seqrt.cli.options import Option, parse_floor, parse_levels, parse_names, parse_span

# Repeated from seqrt.contract.manifest, which this file may not import: a test compares them.
Task = Literal["forecast", "regress", "classify", "tag", "generate"]
Missing = Literal["error", "forward", "mean", "indicator"]
Dates = Literal["dmy", "mdy"]
Method = Literal["auto", "forecaster", "plain"]
Tokens = Literal["words", "bytes"]

DATA: Final = (
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
        "text",
        str,
        "Column of texts to read token by token, each a sequence with a target of its own",
        "a column of texts that nothing else is beside",
        metavar="COLUMN",
        shared=True,
    ),
    Option(
        "tokens",
        Tokens,
        "What texts are read as: words, or bytes",
        "words for sentences; bytes for names, codes and languages without spaces",
        shared=True,
    ),
    Option(
        "min_count",
        int,
        "Words that occur less often in the training part are unknown, and not in the file",
        "2",
        metavar="NUMBER",
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
        "floor",
        str,
        "Number that no forecast or interval of a forecaster is below; none, or auto: 0 where the"
        " target is never negative and sometimes 0, as for counts and sales",
        "auto",
        metavar="NUMBER",
        parse=parse_floor,
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
        "one network; 5 for few sequences",
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
)
