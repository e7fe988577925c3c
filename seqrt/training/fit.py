"""The training loop: a generator, on one screen."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from seqrt.errors import TrainingError
from seqrt.training.batches import all_logits, shuffled
from seqrt.training.door import Data, Raw, labelled
from seqrt.training.examples import Examples, encoded
from seqrt.training.loss import LOSSES
from seqrt.training.recipe import Recipe
from seqrt.training.scaling import acquainted
from seqrt.training.stack import Stack

Labelled = tuple[Data, Data] | tuple[Data, Data, ArrayLike]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data.

    `loss` is the mean over the pass and `val_loss` that of the validation part after it, both in
    scaled units; `grad_norm` is the largest norm of the gradient before clipping. `best` says
    that these are the best weights so far.
    """

    number: int
    loss: float
    val_loss: float | None
    grad_norm: float
    seconds: float
    best: bool


def fit(
    net: Stack,
    x: Data,
    y: Data,
    *,
    lengths: ArrayLike | None = None,
    val: Labelled | None = None,
    epochs: int = Recipe.epochs,
    batch_size: int = Recipe.batch_size,
    lr: float = Recipe.lr,
    clip: float = Recipe.clip,
    patience: int | None = Recipe.patience,
    noise: float = Recipe.noise,
    seed: int = Recipe.seed,
) -> Generator[Epoch]:
    """Train `net` in place; yield after every pass, so the caller prints, plots or stops.

    x is (B, T, D), padded where `lengths` are given, or a list of (T_i, D); y is one row a
    sequence, or for a `sequence` head one row a step: targets in raw units, labels for softmax,
    0 and 1 for sigmoid. A network that has seen no data takes its scaling and classes from x and y.

    With `val` = (x, y) or (x, y, lengths) the weights that did best there are put back at the end,
    also after a break, and training ends when `patience` passes bring none better. Adam's rate
    rises shortly and then falls to zero along a cosine. Shuffle, dropout and noise are drawn from
    `seed` alone, and the caller's random state stays as it was.

    Raise TrainingError when the loss or the gradient is no longer finite: the last good weights
    are then put back.
    """
    recipe = Recipe(epochs, batch_size, lr, clip, patience, noise, seed)
    raw = [_checked(net, *part) for part in ((x, y, lengths), *([val] if val else []))]
    about = acquainted(net.about, net.activation, raw[0])
    parts = [encoded(part, about, net.head, net.activation).to(net.x_mean.device) for part in raw]
    if about is not net.about:
        net.about = about
        net.set_scaling(about.features, about.outputs)
    return _loop(net, parts[0], parts[1] if val else None, recipe)


def _checked(net: Stack, x: Data, y: Data, lengths: ArrayLike | None = None) -> Raw:
    sizes = {"features": len(net.about.features), "outputs": len(net.about.outputs)}
    return labelled(x, y, lengths, **sizes, head=net.head, activation=net.activation)


def _loop(
    net: Stack, train: Examples, validation: Examples | None, recipe: Recipe
) -> Generator[Epoch]:
    loss_of = LOSSES[net.activation]
    steps = math.ceil(len(train) / recipe.batch_size)
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    best, best_loss, best_number = _weights(net), math.inf, 0
    try:
        for number in range(1, recipe.epochs + 1):
            began, total, grad_norm = time.perf_counter(), 0.0, 0.0
            net.train()
            with _seeded(recipe.seed, number, train.x.device):
                for step, batch in enumerate(shuffled(train, recipe.batch_size), 1):
                    progress = (number - 1 + step / steps) / recipe.epochs
                    optimizer.param_groups[0]["lr"] = recipe.rate(progress)
                    optimizer.zero_grad()
                    loss = loss_of(batch.blurred(recipe.noise * net.x_scale).logits(net), batch.y)
                    loss.backward()
                    norm = nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
                    _check_finite(loss.item(), norm.item(), number, step)
                    optimizer.step()
                    total += loss.item() * len(batch.y)
                    grad_norm = max(grad_norm, norm.item())
            net.eval()
            loss_there = _loss_on(net, validation) if validation else None
            watched = -number if loss_there is None else loss_there
            better = watched < best_loss
            if better:
                best, best_loss, best_number = _weights(net), watched, number
            seconds = time.perf_counter() - began
            yield Epoch(number, total / len(train.y), loss_there, grad_norm, seconds, better)
            if number - best_number >= (recipe.patience or math.inf):
                return
    finally:
        net.load_state_dict(best)
        net.eval()


def _loss_on(net: Stack, data: Examples) -> float:
    return LOSSES[net.activation](all_logits(net, data), data.y).item()


def _weights(net: Stack) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


@contextmanager
def _seeded(seed: int, number: int, device: torch.device) -> Iterator[None]:
    """Draw everything inside from `seed` and the number of the pass, and nothing from outside."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(int(np.random.SeedSequence((seed, number)).generate_state(1)[0]))
        yield


def _check_finite(loss: float, norm: float, number: int, step: int) -> None:
    if math.isfinite(loss) and math.isfinite(norm):
        return
    raise TrainingError(
        f"E_DIVERGED: training must stay finite, got loss {loss:g} and gradient norm {norm:g} in"
        f" epoch {number}, step {step}; the last good weights are kept. Try a lower learning rate."
    )
