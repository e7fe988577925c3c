"""The recipe: the numbers of the training loop, with their defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seqrt.errors import UsageError


@dataclass(frozen=True)
class Recipe:
    """The numbers of the training loop.

    `lr` is the peak learning rate of Adam, and `clip` the largest norm of the gradient. Training
    ends after `patience` epochs without a better validation loss (None: never). `noise` is the size
    of the random noise that every epoch adds to the features, in units of their spread; this keeps
    a network from overfitting a small, noisy data set.

    `tbptt` truncates backpropagation through time: gradients go back this many steps, so that
    memory grows with it and not with the length of the sequences. With an output at every step,
    each chunk of that length is one step of Adam, and the state is carried to the next chunk; with
    one output per sequence, only the last chunk is learnt from, and the steps before it are
    computed without a gradient. `accumulate` is the number of batches whose gradients make one
    step, as if they were one batch.

    `balance` weighs each class by its inverse frequency in the training part, so that rare classes
    count as much as common ones: see training.loop.loss.
    """

    epochs: int = 100
    batch_size: int = 32
    lr: float = 2e-3
    clip: float = 1.0
    patience: int | None = None
    noise: float = 0.0
    seed: int = 0
    tbptt: int | None = None
    accumulate: int = 1
    balance: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError if a number is out of range."""
        for name in ("epochs", "batch_size", "patience", "tbptt", "accumulate"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1, got {value}.")
        for name in ("lr", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"{name} must be above 0 and finite, got {getattr(self, name)}.")
        if not 0 <= self.noise < math.inf:
            raise UsageError(f"noise must be at least 0 and finite, got {self.noise}.")
        if self.seed < 0:
            raise UsageError(f"seed must be at least 0, got {self.seed}.")

    def rate(self, progress: float) -> float:
        """Return the learning rate at `progress`, 0 to 1: a linear warm-up, then a cosine to 0."""
        return self.lr * min(1.0, progress / WARM_UP) * 0.5 * (1 + math.cos(math.pi * progress))


# The share of training in which the learning rate rises to its peak.
WARM_UP = 0.05
