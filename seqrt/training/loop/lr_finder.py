"""The learning-rate range test: a rate from one short training in which it rises from step to step.

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
from seqrt.training.loop.adam import Descent
from seqrt.training.loop.fit import seeded
from seqrt.training.loop.gradient import Learning
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.steps import Part, steps
from seqrt.training.networks.stack import Stack

# The rates that are tried, a step of each, and those that may come out of it.
_TRIED = np.geomspace(1e-4, 1.0, 60)
_LEAST, _MOST = 1e-4, 1e-2

# The loss, a mean over some steps, has blown up where it is so many times its least.
_STEPS = 5
_BLOWN_UP = 2.0

# At the rate of the blow-up nothing is learnt any more, at a tenth all is unsteady; a twentieth
# learnt fast on the built-in tasks.
_SHARE = 1 / 20


def found_rate(net: Stack, x: Data, y: Data, recipe: Recipe) -> float:
    """Return a rate at which `net` will learn x and y fast and safely, from 1e-4 to 1e-2.

    A copy of the network takes up to 60 steps, each at a higher rate, until the loss blows up; a
    twentieth of the rate at which it does is returned, rounded to two digits. `net` and torch's
    random state stay as they were.
    """
    trial, least = copy.deepcopy(net), math.inf
    (data,) = examples(trial, (x, y))
    trial.train()
    losses: deque[float] = deque(maxlen=_STEPS)
    optimizer = Descent(trial)
    learning = Learning(trial, optimizer)
    with seeded(recipe.seed, 0, data.x.device):
        for rate, parts in zip(_TRIED, _endless(data, recipe), strict=False):
            losses.append(learning.gather(parts))
            optimizer.clip(recipe.clip)
            level = sum(losses) / len(losses)
            least = min(least, level) if len(losses) == _STEPS else least
            if not level <= _BLOWN_UP * least:  # NaN too
                break
            optimizer.descend(float(rate))
    return float(f"{min(max(_SHARE * float(rate), _LEAST), _MOST):.1e}")


def _endless(data: Examples, recipe: Recipe) -> Iterator[list[Part]]:
    """Yield the steps of pass after pass."""
    passes = (steps(data, recipe, {}) for _ in itertools.count())
    return (parts for of_pass in passes for _, parts in of_pass)
