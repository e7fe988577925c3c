"""The training loop: a generator, on one screen."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from seqrt.errors import TrainingError, UsageError
from seqrt.training.inputs.batches import all_logits
from seqrt.training.inputs.check import Data
from seqrt.training.inputs.examples import Examples, Labelled, examples, out_of_memory
from seqrt.training.loop.adam import Descent
from seqrt.training.loop.checkpoints import Asked, Checkpoints
from seqrt.training.loop.cuda_graph import Replay
from seqrt.training.loop.distributed import World, join
from seqrt.training.loop.gradient import Learning
from seqrt.training.loop.loss import LOSSES
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.state import (
    Epoch,
    Standing,
    Tensors,
    carried_in,
    held,
    restored,
    set_random,
    weights_of,
)
from seqrt.training.loop.steps import Part, steps
from seqrt.training.networks.stack import Stack

Step = tuple[float, list[Part]]


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
    tbptt: int | None = Recipe.tbptt,
    accumulate: int = Recipe.accumulate,
    checkpoints: Checkpoints | None = None,
) -> Generator[Epoch]:
    """Train `net` in place; yield after every pass, so the caller prints, plots or stops.

    x is (B, T, D), padded where `lengths` are given, or a list of (T_i, D); y is one row a
    sequence, or for a `sequence` head one row a step: targets in raw units, labels for softmax,
    0 and 1 for sigmoid. x may hold NaN where the network has a policy for missing values, y never
    may. A network that has seen no data takes its scaling and classes from x and y. An x of float32
    in one block of memory, an array, its windows or a file that is mapped, is not copied: leave it
    as it is until training ends.

    With `val` = (x, y) or (x, y, lengths) the weights that did best there are put back at the end,
    also after a break, and training ends when `patience` passes bring none better. Adam's rate
    rises shortly and then falls to zero along a cosine. Shuffle, dropout and noise are drawn from
    `seed` alone, and the caller's random state stays as it was.

    `tbptt` and `accumulate` bound the memory that training takes: see Recipe.

    In a script that torchrun has started, all processes train together, with the same arguments:
    `batch_size` is that of all of them, and the epochs and weights are those of one process, to
    rounding. Only the first writes checkpoints. Who breaks has to do so in every process.

    With `checkpoints` training goes on from their `start`, to the same weights bit for bit as if it
    had never stopped, and leaves new ones as they fall due.

    Raise TrainingError when the loss or the gradient is no longer finite: the last good weights
    are then put back. DeviceError or InputError: processes that do not find one another, or that
    were given different data.
    """
    recipe = Recipe(epochs, batch_size, lr, clip, patience, noise, seed, tbptt, accumulate)
    _check_causal(net, recipe)
    parts = examples(net, (x, y, lengths), *([val] if val else []))
    world = join()
    world.check_same(_deciding(net, parts, recipe))
    world.same(net.state_dict().values())
    validation = parts[1] if val else None
    return _loop(net, parts[0], validation, recipe, checkpoints or Checkpoints(), world)


def _deciding(net: Stack, parts: Sequence[Examples], recipe: Recipe) -> Iterator[memoryview]:
    """Yield all that has to be the same in processes that train together."""
    shapes = [(name, *value.shape) for name, value in net.state_dict().items()]
    yield memoryview(repr((recipe, shapes)).encode())
    blocks = {id(part.x): part.x for part in parts}  # most often one for all
    own = [tensor for part in parts for tensor in (part.y, part.starts, part.lengths)]
    for tensor in (*blocks.values(), *own):
        yield tensor.cpu().numpy().data


def _check_causal(net: Stack, recipe: Recipe) -> None:
    if recipe.tbptt and not net.state_size:
        raise UsageError(
            "tbptt needs a network that reads one way, because state is carried forwards, and this"
            " one reads both ways. Leave tbptt or bidirectional out."
        )


def _loop(
    net: Stack,
    train: Examples,
    validation: Examples | None,
    recipe: Recipe,
    checkpoints: Checkpoints,
    world: World,
) -> Generator[Epoch]:
    optimizer, device = Descent(net), train.x.device
    learning, replay = Learning(net, optimizer), None
    if Replay.suits(net, train, recipe, world):
        replay = Replay(net, optimizer, train, recipe.clip)
    start, judged = checkpoints.begin(world), _share(validation, world)
    at, kept = replace(start.standing), start.tensors
    best, carried = restored(kept, net, optimizer), carried_in(kept, world, device)
    try:
        while not _over(at, recipe):
            began = time.perf_counter() - at.seconds
            net.train()
            with seeded(recipe.seed, at.number, device):
                of_pass = steps(train, recipe, carried, world)
                for share, parts in _from_step(at.step, of_pass, kept, device):
                    rate = recipe.rate((at.number - 1 + share) / recipe.epochs)
                    if replay:
                        (loss, norm), asked = replay.step(parts, rate), checkpoints.asked()
                    else:
                        loss, slopes = learning.gather(parts), optimizer.slopes()
                        loss, asked = _together(world, checkpoints.asked(), loss, slopes)
                        norm = optimizer.clip(recipe.clip)
                        optimizer.descend(rate)
                    _check_finite(loss, norm, at.number, at.step + 1)
                    at.after_step(loss * sum(map(len, parts)), norm, time.perf_counter() - began)
                    if asked.save:
                        checkpoints.save(at, held(net, optimizer, best, carried, world))
                    if asked.stop:
                        checkpoints.stopping = True
                        return
            net.eval()
            loss_there = _loss_on(net, *judged, world) if judged else None
            _check_finite(loss_there or 0.0, at.grad_norm, at.number, at.step)
            watched = -at.number if loss_there is None else loss_there
            better = watched < at.best_loss
            if better:
                best, at.best_loss, at.best_number = weights_of(net), watched, at.number
            mean_loss, seconds = at.total / len(train.y), time.perf_counter() - began
            yield Epoch(at.number, mean_loss, loss_there, at.grad_norm, seconds, better)
            at.after_pass()
            _, asked = _together(world, checkpoints.asked(every=0))
            if asked.save:
                checkpoints.save(at, held(net, optimizer, best, {}, world))
            if asked.stop:
                checkpoints.stopping = True
                return
    except torch.OutOfMemoryError as error:
        raise out_of_memory(error) from None
    finally:
        net.load_state_dict(best)
        net.eval()


def _together(
    world: World, asked: Asked, loss: float = 0.0, slopes: Sequence[Tensor] = ()
) -> tuple[float, Asked]:
    """Add the shares of all processes up; return the loss, and what any of them asks for."""
    loss, *sums = world.add(slopes, [loss, *asked])
    save, stop = (total > 0 for total in sums)
    return loss, Asked(save or stop, stop)


def _over(at: Standing, recipe: Recipe) -> bool:
    done = at.number - 1
    return done >= recipe.epochs or done - at.best_number >= (recipe.patience or math.inf)


def _from_step(
    done: int, of_pass: Iterator[Step], kept: Tensors, device: torch.device
) -> Iterator[Step]:
    """Skip the steps that are done; the first that is not finds the generators as they were."""
    for number, step in enumerate(of_pass):
        if number < done:
            continue
        if number == done and done:
            set_random(kept, device)
        yield step


def _share(data: Examples | None, world: World) -> tuple[Examples, float] | None:
    """Return what this process judges of `data`, and how much that weighs."""
    if data is None:
        return None
    if world.alone:
        return data, 1.0
    here = data.at(world.places(len(data)))
    return here, len(here.y) / len(data.y) if world.rank < len(data) else 0.0


def _loss_on(net: Stack, data: Examples, weight: float, world: World) -> float:
    loss = LOSSES[net.activation](all_logits(net, data), data.y).item()
    return world.add([], [weight * loss])[0]


@contextmanager
def seeded(seed: int, number: int, device: torch.device) -> Iterator[None]:
    """Draw everything inside from `seed` and the number of the pass, and nothing from outside."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        drawn = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
        torch.default_generator.manual_seed(drawn)  # torch.manual_seed is that of every GPU too
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(drawn)
        yield


def _check_finite(loss: float, norm: float, number: int, step: int) -> None:
    if math.isfinite(loss) and math.isfinite(norm):
        return
    raise TrainingError(
        f"E_DIVERGED: training must stay finite, got loss {loss:g} and gradient norm {norm:g} in"
        f" epoch {number}, step {step}; the last good weights are kept. Try a lower learning rate."
    )
