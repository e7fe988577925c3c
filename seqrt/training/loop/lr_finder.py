"""The learning-rate range test: a learning rate from one short run in which the rate rises.

Smith 2017, arXiv:1506.01186.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections import deque
from collections.abc import Iterator

import numpy as np

from seqrt.training.inputs.check import Data
from seqrt.training.inputs.examples import Examples, examples
from seqrt.training.loop.adam import Adam
from seqrt.training.loop.gradient import StepGradient
from seqrt.training.loop.loss import loss_of
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.state import seeded
from seqrt.training.loop.steps import MicroBatch, epoch_steps
from seqrt.training.networks.stack import Stack

# The rates to test, one step each, and the range of the result.
_TESTED = np.geomspace(1e-4, 1.0, 60)
_LOWEST, _HIGHEST = 1e-4, 1e-2

# Training has diverged when the mean loss of this many steps exceeds this multiple of its minimum.
_WINDOW = 5
_DIVERGED = 2.0

# The result, as a share of the rate at which training diverges: at a tenth of that rate training is
# unsteady, and at a twentieth it was fast on the built-in tasks.
_SHARE = 1 / 20


def find_learning_rate(net: Stack, x: Data, y: Data, recipe: Recipe) -> float:
    """Return a learning rate, from 1e-4 to 1e-2, at which `net` learns x and y fast and safely.

    A copy of the network takes up to 60 steps, each at a higher rate, until the loss diverges. The
    result is a twentieth of the rate at which it does so, rounded to two digits. `net` and torch's
    random state are left unchanged.
    """
    trial, lowest = copy.deepcopy(net), math.inf
    (data,) = examples(trial, (x, y))
    trial.train()
    losses: deque[float] = deque(maxlen=_WINDOW)
    optimizer = Adam(trial)
    objective = loss_of(trial, data.y, balance=recipe.balance)
    gradient = StepGradient(trial, optimizer, objective)
    with seeded(recipe.seed, 0, data.x.device):
        for rate, micro_batches in zip(_TESTED, _endless_steps(data, recipe), strict=False):
            losses.append(gradient.compute(micro_batches))
            optimizer.clip(recipe.clip)
            mean = sum(losses) / len(losses)
            lowest = min(lowest, mean) if len(losses) == _WINDOW else lowest
            if not mean <= _DIVERGED * lowest:  # also if it is NaN
                break
            optimizer.step(float(rate))
    return float(f"{min(max(_SHARE * float(rate), _LOWEST), _HIGHEST):.1e}")


def _endless_steps(data: Examples, recipe: Recipe) -> Iterator[list[MicroBatch]]:
    """Yield the steps of epoch after epoch."""
    epochs = (epoch_steps(data, recipe, {}) for _ in itertools.count())
    return (micro_batches for steps in epochs for _, micro_batches in steps)
