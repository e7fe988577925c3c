"""Defaults for networks that read text: their sizes, and how they are trained."""

from __future__ import annotations

import math
from typing import Any, Final

from seqrt.training.inputs.side_by_side import USUAL_SPAN
from seqrt.training.loop.threads import threads_that_pay
from seqrt.training.networks.initialise import start_at_frequencies
from seqrt.training.networks.network import Network
from seqrt.training.problems.from_book import pair_counts
from seqrt.training.problems.prepare import usual_length
from seqrt.training.problems.problem import Problem

# The most rows of a text, and the fewest. A short text has fewer, so that an epoch is at least so
# many steps of the optimiser.
_ROWS: Final = 32
_FEWEST_ROWS: Final = 4
_STEPS_OF_EPOCH: Final = 40

_OF_LANGUAGE_MODELS: Final[dict[str, Any]] = {
    "cell": "gru",
    "units": (256,),
    "embedding": 64,
    "dropout": 0.1,
    "lr": 4e-3,
    "tbptt": USUAL_SPAN,
}
_OF_WORDS: Final[dict[str, Any]] = {
    "cell": "gru",
    "units": (64,),
    "embedding": 64,
    "dropout": 0.5,
    "lr": 2e-3,
    "batch_size": 32,
}
_OF_BYTES: Final[dict[str, Any]] = {
    "cell": "gru",
    "units": (128,),
    "embedding": 32,
    "dropout": 0.3,
    "lr": 3e-3,
    "batch_size": 32,
}

# A language model reads so many bytes in all, in at least one epoch and at most so many, unless
# these make fewer steps.
_BYTES_READ: Final = 10_000_000
_MOST_EPOCHS: Final = 20
_LEAST_STEPS: Final = 500

# A text of fewer bytes needs more dropout: the network overfits it.
_LONG: Final = 300_000
_MORE_DROPOUT: Final = 0.3

# Texts with a label each: as many epochs as make this many steps of the optimiser.
_STEPS: Final = 4_000
_EPOCHS: Final = 4, 30


def text_options(plan: Any, problem: Problem) -> dict[str, Any]:
    """Return the options of a plan that text gets unless they are given, by name.

        a language model    GRU of 256 units, embedding 64, dropout 0.1, 32 rows, tbptt 64,
                            learning rate 0.004; as many epochs as read 10 million bytes, at most
                            20; dropout 0.3 below 300 kB, and fewer rows below 82 kB
        words               GRU of 64 units, embedding 64, dropout 0.5, learning rate 0.002; for a
                            label of each text, the maximum over all steps
        bytes               GRU of 128 units, embedding 32, dropout 0.3, learning rate 0.003

    Training stops after a quarter of the epochs without improvement. tools/README.md has figures.
    """
    text = problem.metadata.text
    assert text
    language_model = problem.metadata.task == "generate"
    if language_model:
        usual = _of_language_model(problem.train.x.longest)
    else:
        usual = _OF_WORDS if text.kind == "words" else _OF_BYTES
    if text.kind == "words" and problem.head == "last":
        usual = usual | {"pool": "max"}
    found = {name: value for name, value in usual.items() if name not in plan.given}
    plan = plan.with_options(**found) if found else plan
    epochs = _epochs(plan, problem) if "epochs" in plan.unresolved else plan.recipe.epochs
    patience = math.ceil(epochs / 4) if "patience" in plan.unresolved else plan.recipe.patience
    share = {"val": problem.share} if problem.share is not None else {}
    memory = plan.memory or min(problem.train.x.longest, plan.recipe.tbptt or math.inf)
    return {
        **found,
        **share,
        "length": plan.length or usual_length(plan.source),
        "init": None if plan.start_from else plan.init or "torch",
        "epochs": epochs,
        "patience": patience,
        "memory": memory if plan.init == "chrono" else None,
        "threads": plan.threads
        or threads_that_pay(plan.architecture.cell, plan.architecture.units),
    }


def start_head(net: Network, problem: Problem) -> None:
    """Let the head of a new language model start at the frequencies of the training part."""
    if problem.metadata.task == "generate":
        start_at_frequencies(net, pair_counts(problem.train).sum(0))


def _of_language_model(count: int) -> dict[str, Any]:
    """Return the defaults for a text of `count` bytes."""
    rows = min(max(count // (USUAL_SPAN * _STEPS_OF_EPOCH), _FEWEST_ROWS), _ROWS)
    short = {"dropout": _MORE_DROPOUT} if count < _LONG else {}
    return {**_OF_LANGUAGE_MODELS, "batch_size": rows, **short}


def _epochs(plan: Any, problem: Problem) -> int:
    if problem.metadata.task == "generate":
        count: int = problem.train.x.longest
        chunks: int = count // ((plan.recipe.tbptt or USUAL_SPAN) * plan.recipe.batch_size)
        most = max(_MOST_EPOCHS, math.ceil(_LEAST_STEPS / max(1, chunks)))
        return min(max(1, round(_BYTES_READ / count)), most)
    least, most = _EPOCHS
    steps: int = math.ceil(len(problem.train) / plan.recipe.batch_size)
    return min(max(math.ceil(_STEPS / steps), least), most)
