"""The training loop: a generator that yields after every epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence

import torch
from numpy.typing import ArrayLike

from seqrt.errors import TrainingError, UsageError
from seqrt.training.inputs.batches import all_logits, as_targets, chain_logits
from seqrt.training.inputs.check import Data
from seqrt.training.inputs.examples import Examples, Labelled, examples, memory_error
from seqrt.training.inputs.side_by_side import judged_in_rows
from seqrt.training.loop.checkpoints import Checkpoints
from seqrt.training.loop.distributed import ProcessGroup, join
from seqrt.training.loop.loss import MeanLoss, check_balance, loss_of
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.state import Epoch, Tensors, TrainingState, restore_generators, seeded
from seqrt.training.loop.stepper import stepper, sum_over_processes
from seqrt.training.loop.steps import MicroBatch, epoch_steps, epoch_targets
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.stack import Stack


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
    balance: bool = Recipe.balance,
    checkpoints: Checkpoints | None = None,
) -> Generator[Epoch]:
    """Train `net` in place; yield an Epoch after each epoch, so the caller prints, plots or stops.

        for epoch in fit(net, x, y, val=(x_val, y_val), epochs=50, patience=5):
            print(epoch.number, epoch.loss, epoch.val_loss)

    The data: x is (B, T, D), padded if `lengths` (B,) are given, or a list of (T_i, D); for a
    network of tokens, x holds ids, (B, T) or a list of (T_i,). y has one row per sequence, or one
    row per step for a `sequence` head: targets in raw units, class labels for softmax, 0 and 1 for
    sigmoid. x may contain NaN if the network has a policy for missing values; y never may. A
    network that has not seen data yet takes its scaling and its classes from x and y; one from
    `load_run` keeps its own, and so is trained further with new data, as by `seqrt train --from`
    (at a lower `lr`). A contiguous x of float32 or of int32 ids (an array, windows of it, or a
    mapped file) is not copied: do not change it before training ends.

    The optimiser is Adam, at a learning rate that rises to `lr` during the first twentieth of
    training and then falls to zero along a cosine. The norm of the gradient is clipped to `clip`.
    `noise` adds Gaussian noise to the features, in units of their standard deviation. `tbptt` and
    `accumulate` bound the memory that training takes: see Recipe. `balance` weighs classes by their
    inverse frequency. Shuffling, dropout and noise depend on `seed` alone, and the caller's random
    state is left unchanged.

    Validation: with `val`, (x, y) or (x, y, lengths), the weights of the epoch with the lowest
    validation loss are restored at the end, also if you break out of the loop or an error is
    raised; without `val`, those of the last complete epoch. Training stops after `patience` epochs
    without improvement.

    Checkpoints: with `checkpoints`, training resumes from their `start`, writes new ones as they
    fall due, and ends with the same weights, bit for bit, as if it had never been interrupted.

    Several processes: in a script started by torchrun, all processes train together and must pass
    the same arguments. `batch_size` counts the sequences of all of them; epochs and weights are
    those of a single process, up to rounding. Only the first process writes checkpoints. If you
    break out of the loop, do it in every process.

    Arguments are checked at the call; training starts when you ask for the first epoch. Raise
    InputError if x or y does not fit the network, UsageError if an option is out of range or does
    not fit the network, TrainingError if the loss or the gradient is no longer finite, and
    ResourceError if memory runs out. With several processes, raise DeviceError if they cannot find
    each other, and InputError if they were given different data.
    """
    recipe = Recipe(epochs, batch_size, lr, clip, patience, noise, seed, tbptt, accumulate, balance)
    return fit_recipe(net, (x, y, lengths), val, recipe, checkpoints)


def fit_recipe(
    net: Stack,
    train: Labelled,
    val: Labelled | None,
    recipe: Recipe,
    checkpoints: Checkpoints | None = None,
) -> Generator[Epoch]:
    """Train as `fit` does, with all of its options in one Recipe."""
    _check_recipe(net, recipe)
    if recipe.balance:
        check_balance(net.activation)
    parts = examples(net, train, *([val] if val else []))
    group = join()
    group.check_same(_shared_inputs(net, parts, recipe))
    group.broadcast(net.state_dict().values())
    validation = parts[1] if val else None
    return _loop(net, parts[0], validation, recipe, checkpoints or Checkpoints(), group)


def _loop(
    net: Stack,
    train: Examples,
    validation: Examples | None,
    recipe: Recipe,
    checkpoints: Checkpoints,
    group: ProcessGroup,
) -> Generator[Epoch]:
    start = checkpoints.begin(group)
    state = TrainingState.restore(net, group, start.progress, start.tensors)
    objective = loss_of(net, train.y, balance=recipe.balance)
    step = stepper(net, state.optimizer, train, recipe, objective, checkpoints, group)
    progress, own_validation = state.progress, _own_share(validation, group)
    targets_in_all = epoch_targets(train, recipe)
    try:
        while not progress.is_over(recipe):
            began = time.perf_counter() - progress.seconds
            net.train()
            with seeded(recipe.seed, progress.number, train.x.device):
                for rate, micro_batches in _steps_left(state, train, recipe, start.tensors):
                    loss, norm, request = step(micro_batches, rate)
                    _check_finite(loss, norm, progress.number, progress.step + 1)
                    targets = sum(map(len, micro_batches))
                    progress.after_step(loss * targets, norm, time.perf_counter() - began)
                    if checkpoints.carry_out(request, state):
                        return
            net.eval()
            val_loss = _loss_on(net, objective, own_validation, group)
            _check_finite(val_loss or 0.0, progress.grad_norm, progress.number, progress.step)
            best = state.keep_if_best(val_loss)
            mean_loss, seconds = progress.total / targets_in_all, time.perf_counter() - began
            yield Epoch(progress.number, mean_loss, val_loss, progress.grad_norm, seconds, best)
            state.begin_next_epoch()
            _, request = sum_over_processes(group, checkpoints.request(every=0))
            if checkpoints.carry_out(request, state):
                return
    except torch.OutOfMemoryError as error:
        raise memory_error(error) from None
    finally:
        net.load_state_dict(state.best)
        net.eval()


def _steps_left(
    state: TrainingState, train: Examples, recipe: Recipe, restored: Tensors
) -> Iterator[tuple[float, list[MicroBatch]]]:
    """Yield learning rate and micro-batches of each remaining step of the current epoch.

    After a resume, random numbers continue from the generators in the `restored` checkpoint.
    """
    epoch, done = state.progress.number, state.progress.step
    steps = epoch_steps(train, recipe, state.carried, state.group)
    for number, (share, micro_batches) in enumerate(steps):
        if number < done:
            continue
        if number == done and done:
            restore_generators(restored, train.x.device)
        yield recipe.rate((epoch - 1 + share) / recipe.epochs), micro_batches


def _own_share(data: Examples | None, group: ProcessGroup) -> tuple[Examples, float] | None:
    """Return the part of `data` that this process computes the loss on, and the loss's weight."""
    if data is None:
        return None
    if group.is_single:
        return data, 1.0
    own = data.at(group.positions(len(data)))
    return own, len(own.y) / len(data.y) if group.rank < len(data) else 0.0


def _loss_on(
    net: Stack, objective: MeanLoss, own: tuple[Examples, float] | None, group: ProcessGroup
) -> float | None:
    """Return the mean loss on the data of all processes, of which `own` is one's share."""
    if own is None:
        return None
    data, weight = own
    if isinstance(net, Forecaster) and net.architecture.one_chain:
        loss = objective.mean(*chain_logits(net, data)).item()
    elif data.text:
        judged = ((objective.mean(v, y).item(), len(y)) for v, y in judged_in_rows(net, data))
        loss = sum(mean * count for mean, count in judged) / len(data.y)
    else:
        loss = objective.mean(all_logits(net, data), as_targets(data.y)).item()
    return group.all_reduce([], [weight * loss])[0]


def _shared_inputs(net: Stack, parts: Sequence[Examples], recipe: Recipe) -> Iterator[memoryview]:
    """Yield everything that must be the same in all processes."""
    shapes = [(name, *value.shape) for name, value in net.state_dict().items()]
    yield memoryview(repr((recipe, shapes)).encode())
    blocks = {id(part.x): part.x for part in parts}  # usually one for all parts
    labels = [tensor for part in parts for tensor in (part.y, part.starts, part.lengths)]
    for tensor in (*blocks.values(), *labels):
        yield tensor.cpu().numpy().data


def _check_recipe(net: Stack, recipe: Recipe) -> None:
    if recipe.noise and net.tokens:
        raise UsageError(
            f"noise is added to numbers, but this network reads tokens, got noise {recipe.noise}."
            " Drop noise; dropout acts on the embeddings."
        )
    if net.metadata.task == "generate" and not net.state_size:
        raise UsageError(
            "a language model predicts what comes next, so it may not read what comes next:"
            f" {net.not_streamable}. Drop what keeps the network from streaming."
        )
    if recipe.tbptt and not net.state_size:
        raise UsageError(
            "tbptt carries a state forward in time, but this network has none:"
            f" {net.not_streamable}. Drop tbptt, or what keeps the network from streaming."
        )


def _check_finite(loss: float, norm: float, epoch: int, step: int) -> None:
    if math.isfinite(loss) and math.isfinite(norm):
        return
    raise TrainingError(
        f"E_DIVERGED: training diverged in epoch {epoch}, step {step}: loss {loss:g}, gradient"
        f" norm {norm:g}; the last good weights are kept. Try a lower learning rate."
    )
