"""The options of `seqrt train`, each declared once; `seqrt compare` shares those marked `shared`.

Each becomes the field of the same name in seqrt.training.runs.plan.Plan, whose defaults apply where
an option is left out. The help repeats them in brackets, and a test compares the two.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Final, Literal

from seqrt.cli.data_options import DATA
from seqrt.cli.options import Option, parse_sizes
from seqrt.errors import UsageError

# Repeated from seqrt.contract and seqrt.training, which this file may not import: a test compares
# them.
Cell = Literal["rnn", "lstm", "gru", "mingru"]
Nonlinearity = Literal["tanh", "relu"]
Init = Literal["chrono", "torch"]


def parse_learning_rate(flag: str, text: str) -> float | str:
    """Return the learning rate, or the word auto."""
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{flag} must be a number or auto, got {text!r}.") from None


TRAINING: Final = (
    *DATA,
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
        "none; segments for few long sequences",
        metavar="LAYER",
    ),
    Option(
        "pool",
        str,
        "What the output is computed from: the last step, or the mean, max or attention over all",
        "last",
        metavar="KIND",
    ),
    Option(
        "embedding",
        int,
        "Width of the table of tokens that a network of text reads",
        "64, or 32 for the bytes of labelled texts",
        metavar="NUMBER",
    ),
    Option("layer_norm", bool, "Apply layer normalisation between layers"),
    Option("residual", bool, "Add the output of each layer to that of the next, of equal units"),
    Option(
        "dropout",
        float,
        "Dropout rate between layers; for text, also of the embeddings and before the head",
        "0",
        metavar="SHARE",
    ),
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
        "Standard deviation of the noise added to the scaled features; few sequences get 0.2"
        " or 0.4",
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
