"""Training state: everything that the next step depends on, and how a checkpoint restores it.

As named tensors: `weights.NAME` and `best.NAME` of the network, `adam.NUMBER.NAME` of the
optimiser, `random.cpu` and `random.cuda` of torch's generators, and `carried.NUMBER`, the recurrent
states between two chunks of long sequences. Beside them, Progress counts epochs and steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from seqrt.training.loop.adam import Adam
from seqrt.training.loop.distributed import SINGLE_PROCESS, ProcessGroup
from seqrt.training.loop.recipe import Recipe

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Epoch:
    """One epoch: one pass over the training data.

    `loss` is the mean over the epoch and `val_loss` that of the validation part after it, both in
    scaled units; `grad_norm` is the largest norm of the gradient before clipping. `best` says
    whether these are the best weights so far.
    """

    number: int
    loss: float
    val_loss: float | None
    grad_norm: float
    seconds: float
    best: bool

    @classmethod
    def of_row(cls, row: Mapping[str, str]) -> Epoch:
        """Return the epoch that a row of results.csv records."""
        return cls(
            number=int(row["number"]),
            loss=float(row["loss"]),
            val_loss=float(row["val_loss"]) if row["val_loss"] else None,
            grad_norm=float(row["grad_norm"]),
            seconds=float(row["seconds"]),
            best=row["best"] == "True",
        )


@dataclass
class Progress:
    """How far training has come: the current epoch, the steps taken in it, and the best so far.

    `total` is the sum of the loss over the targets of this epoch, `grad_norm` its largest gradient
    norm.
    """

    number: int = 1
    step: int = 0
    total: float = 0.0
    grad_norm: float = 0.0
    seconds: float = 0.0
    best_loss: float = math.inf
    best_number: int = 0

    def is_over(self, recipe: Recipe) -> bool:
        """Return whether all epochs are done, or the last `patience` of them improved nothing."""
        done = self.number - 1
        return done >= recipe.epochs or done - self.best_number >= (recipe.patience or math.inf)

    def after_step(self, loss: float, grad_norm: float, seconds: float) -> None:
        """Count a step of this epoch; `loss` is a sum over its targets."""
        self.step += 1
        self.total += loss
        self.grad_norm = max(self.grad_norm, grad_norm)
        self.seconds = seconds

    def is_best(self, loss: float | None) -> bool:
        """Note the validation loss after this epoch; return whether it is the best so far.

        Without validation the latest epoch is always the best.
        """
        watched = -self.number if loss is None else loss
        if watched < self.best_loss:
            self.best_loss, self.best_number = watched, self.number
            return True
        return False

    def after_epoch(self) -> None:
        """Begin the next epoch."""
        self.number += 1
        self.step, self.total, self.grad_norm, self.seconds = 0, 0.0, 0.0, 0.0


@dataclass
class TrainingState:
    """Everything that the next step depends on: network, optimiser and progress.

    `best` holds a copy of the best weights so far, `carried` the recurrent states that this process
    passes from chunk to chunk.
    """

    net: nn.Module
    optimizer: Adam
    group: ProcessGroup = SINGLE_PROCESS
    progress: Progress = field(default_factory=Progress)
    best: dict[str, Tensor] = field(default_factory=dict)
    carried: dict[int, Tensor] = field(default_factory=dict)

    @classmethod
    def restore(
        cls, net: nn.Module, group: ProcessGroup, progress: Progress, tensors: Tensors
    ) -> TrainingState:
        """Return the state in a checkpoint, its weights loaded into `net`; a new one if empty."""
        state = cls(net, Adam(net), group, replace(progress))
        if not tensors:
            state.best = weights_copy(net)
            return state
        net.load_state_dict(_with_prefix("weights.", tensors))
        state.optimizer.load_state(_with_prefix("adam.", tensors))
        device = next(net.parameters()).device
        state.best = {
            name: value.to(device, copy=True)
            for name, value in _with_prefix("best.", tensors).items()
        }
        state.carried = {
            int(slot): group.own_rows(value).to(device, copy=True)
            for slot, value in _with_prefix("carried.", tensors).items()
        }
        return state

    def tensors(self) -> dict[str, Tensor]:
        """Return the whole state as named tensors, gathered from all processes."""
        device = next(self.net.parameters()).device
        generators = {"random.cpu": torch.get_rng_state()}
        if device.type == "cuda":
            generators["random.cuda"] = torch.cuda.get_rng_state(device)
        return {
            **{f"weights.{name}": value for name, value in self.net.state_dict().items()},
            **{f"best.{name}": value for name, value in self.best.items()},
            **{f"adam.{name}": value for name, value in self.optimizer.state().items()},
            **generators,
            **{f"carried.{slot}": self.group.gather_rows(h) for slot, h in self.carried.items()},
        }

    def keep_if_best(self, val_loss: float | None) -> bool:
        """Copy the weights if they are the best so far; return whether they are."""
        if not self.progress.is_best(val_loss):
            return False
        self.best = weights_copy(self.net)
        return True

    def begin_next_epoch(self) -> None:
        """Count the epoch; no recurrent state is carried into the next one."""
        self.carried.clear()
        self.progress.after_epoch()


def weights_copy(net: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the weights of `net` and of its scaling."""
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


@contextmanager
def seeded(seed: int, epoch: int, device: torch.device) -> Iterator[None]:
    """Seed torch from `seed` and `epoch` inside the block; restore its generators after it."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        epoch_seed = int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])
        torch.default_generator.manual_seed(
            epoch_seed
        )  # torch.manual_seed would seed every GPU too
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(epoch_seed)
        yield


def restore_generators(tensors: Tensors, device: torch.device) -> None:
    """Restore torch's random number generators from the tensors of a checkpoint."""
    torch.set_rng_state(tensors["random.cpu"].clone())
    if device.type == "cuda":
        torch.cuda.set_rng_state(tensors["random.cuda"].clone(), device)


def _with_prefix(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
