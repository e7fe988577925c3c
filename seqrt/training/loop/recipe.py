"""How a network is trained: the numbers of the loop, with their defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seqrt.errors import UsageError


@dataclass(frozen=True)
class Recipe:
    """The numbers of the training loop.

    `lr` is the highest rate of Adam; `clip` bounds the norm of the gradient; `patience` is the
    number of passes without a better validation loss after which training ends (None: never);
    `noise` is the size of the random noise that every pass adds to the features, in units of their
    spread: it keeps a network from learning few and noisy data by heart.

    `tbptt` cuts sequences in time: the gradient goes back so many steps and no further, so memory
    grows with them and not with the sequences. With an answer at every step there is a step of Adam
    for each piece, and the state goes on from piece to piece; with one answer a sequence the steps
    before the last are read and not learnt from. `accumulate` is the number of batches whose
    gradients make one step, as if they were one batch.
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

    def __post_init__(self) -> None:
        """Raise UsageError where a number makes no sense."""
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
        """Return the learning rate at `progress` from 0 to 1: a short rise, then a cosine to 0."""
        return self.lr * min(1.0, progress / WARM_UP) * 0.5 * (1 + math.cos(math.pi * progress))


WARM_UP = 0.05
