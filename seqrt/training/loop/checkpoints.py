"""Checkpoints: all that the next step of training depends on, on the disk, to go on bit for bit.

RUN/
    checkpoint.safetensors             the newest
    checkpoint.previous.safetensors    the one before, read where the newest is damaged or gone

Tensors: `weights.NAME` and `best.NAME` of the network, `adam.NUMBER.NAME` of the optimiser,
`random.cpu` and `random.cuda` of torch's generators, `carried.NUMBER` between pieces of long
sequences. The header holds the counts of Standing, and a digest of everything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from seqrt.errors import ModelError, OutputError, UsageError
from seqrt.files import writing
from seqrt.training.loop.distributed import World
from seqrt.training.loop.state import Standing
from seqrt.training.networks.weights_file import DAMAGE, pack, reason, unpack

FORMAT = 1
NEWEST = "checkpoint.safetensors"
PREVIOUS = "checkpoint.previous.safetensors"
EVERY = 30.0
SHARE = 0.02


class Asked(NamedTuple):
    """What the loop is asked for between two steps: to save a checkpoint, to end after it."""

    save: bool
    stop: bool


@dataclass(frozen=True)
class Checkpoint:
    """What one file holds: the counts, and the tensors by their names."""

    standing: Standing = field(default_factory=Standing)
    tensors: dict[str, Tensor] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one training in a folder; without a folder none are kept.

    `of` says in a word what is trained, such as a digest of the plan: a checkpoint of something
    else is refused. Between two steps one is due every `every` seconds, after a pass at once, and
    never so often that writing takes more than `share` of the time.

    The files `first` are brought onto the disk before each. `start` is the checkpoint that training
    goes on from; `stopping` asks the loop to finish its step, save, and end.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        of: str = "",
        *,
        first: Iterable[Path] = (),
        every: float = EVERY,
        share: float = SHARE,
    ) -> None:
        """Keep checkpoints in `folder`, which is there."""
        self.folder = None if folder is None else Path(folder)
        self.of = of
        self.first = tuple(first)
        self.every = every
        self.share = share
        self.start = Checkpoint()
        self.stopping = False
        self._began = time.monotonic()
        self._cost = 0.0

    def asked(self, every: float | None = None) -> Asked:
        """Return whether one is due, see `due`, and whether training is asked to end."""
        stop = self.stopping
        return Asked(stop or self.due(every), stop)

    def due(self, every: float | None = None) -> bool:
        """Return whether to save now: `every` so many seconds, where that is cheap enough."""
        if self.folder is None:
            return False
        wait = max(self.every if every is None else every, self._cost / self.share)
        return self.stopping or time.monotonic() - self._began >= wait

    def save(self, standing: Standing, tensors: dict[str, Tensor]) -> None:
        """Write a checkpoint, whole or not at all, and keep the one before; raise OutputError."""
        if self.folder is None:
            return
        began = time.monotonic()
        for path in self.first:
            _sync(path)
        newest, previous = self.folder / NEWEST, self.folder / PREVIOUS
        data = _packed(standing, tensors, self.of)
        with writing(newest) as file:
            file.write(data)
            if newest.exists():
                os.replace(newest, previous)
        self._began = time.monotonic()
        self._cost = self._began - began

    def load(self) -> str | None:
        """Take the newest checkpoint that is whole as `start`; return what was wrong, if anything.

        Without any, training starts at its beginning. Raises ModelError where all are damaged, and
        UsageError where they are of something else.
        """
        if self.folder is None:
            return None
        wrong = []
        for path in (self.folder / NEWEST, self.folder / PREVIOUS):
            if not path.exists():
                continue
            try:
                self.start = self._read(path)
            except DAMAGE as error:
                if isinstance(error, (ModelError, UsageError)):
                    raise
                wrong.append(f"{path} is damaged ({reason(error)})")
                continue
            if wrong:
                # the next one saved must not push a damaged one over this
                (self.folder / NEWEST).unlink()
            return wrong[0] if wrong else None
        if wrong:
            raise ModelError(
                f"E_RUN_DAMAGED: a checkpoint must be whole to go on from, and {wrong[0]}, with no"
                " other beside it. Train again."
            )
        return None

    def begin(self, world: World) -> Checkpoint:
        """Return what all processes go on from, the `start` of the first; it alone keeps any."""
        if world.alone:
            return self.start
        data = world.told(lambda: _packed(self.start.standing, self.start.tensors, self.of))
        if not world.first:
            self.folder, self.start = None, _unpacked(data)[0]
        return self.start

    def any(self) -> bool:
        """Return whether there is one to go on from."""
        return self.folder is not None and any(
            (self.folder / name).exists() for name in (NEWEST, PREVIOUS)
        )

    def remove(self) -> None:
        """Remove all checkpoints; a finished run needs none."""
        if self.folder is None:
            return
        for name in (NEWEST, PREVIOUS):
            with suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)

    def _read(self, path: Path) -> Checkpoint:
        """Return the checkpoint at `path`; raise one of DAMAGE if it is damaged."""
        checkpoint, of = _unpacked(path.read_bytes(), path)
        if of != self.of:
            raise UsageError(
                f"{path} is of a training with other settings; run.toml must stay as it was"
                " written. Put it back, or train again."
            )
        return checkpoint


def _packed(standing: Standing, tensors: dict[str, Tensor], of: str) -> bytes:
    header = {"format": FORMAT, "of": of, "standing": asdict(standing)}
    return pack(tensors, header, digest=True)


def _unpacked(data: bytes, path: Path = Path(NEWEST)) -> tuple[Checkpoint, str]:
    """Return the checkpoint that `data` holds, and what it is of; raise one of DAMAGE."""
    tensors, header = unpack(data, path, FORMAT, digest=True)
    return Checkpoint(Standing(**header["standing"]), tensors), header["of"]


def _sync(path: Path) -> None:
    if not path.exists():
        return
    try:
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(
            f"E_OUTPUT_FAILED: {path} must reach the disk, and did not ({error.strerror})."
            " Look at the disk, then go on."
        ) from None
