"""Checkpoints: the training state on disk, from which training resumes bit for bit.

RUN/
    checkpoint.safetensors             the newest
    checkpoint.previous.safetensors    the one before it, read if the newest is damaged or missing

Each holds the tensors of TrainingState; its header holds Progress, what was trained with which
settings, and a digest of everything.
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
from seqrt.training.loop.distributed import ProcessGroup
from seqrt.training.loop.state import Progress, TrainingState
from seqrt.training.networks.weights_file import DAMAGE, pack, reason, unpack

FORMAT = 1
NEWEST = "checkpoint.safetensors"
PREVIOUS = "checkpoint.previous.safetensors"

# Within an epoch, the seconds between two checkpoints, and the most time that writing them may take
# as a share of all time.
_EVERY = 30.0
_SHARE = 0.02


class Request(NamedTuple):
    """What to do after a step: whether to save a checkpoint, and whether to stop then."""

    save: bool
    stop: bool


@dataclass(frozen=True)
class Checkpoint:
    """The content of one file: progress, and the training state as named tensors."""

    progress: Progress = field(default_factory=Progress)
    tensors: dict[str, Tensor] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one training in a folder; without a folder, none are written.

    `settings` identifies what is trained, such as a digest of the plan; a checkpoint with other
    settings is rejected. A checkpoint is due at the end of each epoch and every `every` seconds
    within it, unless writing would then take more than `share` of the time.

    The files in `sync_first` are flushed to the disk before each checkpoint. Training resumes from
    `start`. Setting `stopping` makes the loop finish its step, save, and stop.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        settings: str = "",
        *,
        sync_first: Iterable[Path] = (),
        every: float = _EVERY,
        share: float = _SHARE,
    ) -> None:
        """Write checkpoints to `folder`, which must exist."""
        self.folder = None if folder is None else Path(folder)
        self.settings = settings
        self.sync_first = tuple(sync_first)
        self.every = every
        self.share = share
        self.start = Checkpoint()
        self.stopping = False
        self._began = time.monotonic()
        self._cost = 0.0

    def request(self, every: float | None = None) -> Request:
        """Return whether a checkpoint is `due`, and whether to stop."""
        stop = self.stopping
        return Request(stop or self.due(every), stop)

    def due(self, every: float | None = None) -> bool:
        """Return whether one is due: `every` seconds after the last, or later if it was slow."""
        if self.folder is None:
            return False
        wait = max(self.every if every is None else every, self._cost / self.share)
        return self.stopping or time.monotonic() - self._began >= wait

    def carry_out(self, request: Request, state: TrainingState) -> bool:
        """Save `state` if requested; return whether the loop must stop, in all processes."""
        if request.save:
            self.save(state.progress, state.tensors())
        self.stopping = self.stopping or request.stop
        return request.stop

    def save(self, progress: Progress, tensors: dict[str, Tensor]) -> None:
        """Write a checkpoint, whole or not at all, and keep the previous one; raise OutputError."""
        if self.folder is None:
            return
        began = time.monotonic()
        for path in self.sync_first:
            _sync(path)
        newest, previous = self.folder / NEWEST, self.folder / PREVIOUS
        data = _packed(progress, tensors, self.settings)
        with writing(newest) as file:
            file.write(data)
            if newest.exists():
                os.replace(newest, previous)
        self._began = time.monotonic()
        self._cost = self._began - began

    def load(self) -> str | None:
        """Set `start` to the newest undamaged checkpoint; return a warning if a newer is damaged.

        Without a checkpoint, training starts from the beginning. Raise ModelError if all are
        damaged, and UsageError if they were written with other settings.
        """
        if self.folder is None:
            return None
        damaged = []
        for path in (self.folder / NEWEST, self.folder / PREVIOUS):
            if not path.exists():
                continue
            try:
                self.start = self._read(path)
            except (ModelError, UsageError):
                raise
            except DAMAGE as error:
                damaged.append(f"{path} is damaged ({reason(error)})")
                continue
            if not damaged:
                return None
            # otherwise the next save would replace this one with the damaged one
            (self.folder / NEWEST).unlink()
            return damaged[0]
        if damaged:
            raise ModelError(
                f"E_RUN_DAMAGED: the run cannot be resumed: {damaged[0]}, and there is no other"
                " usable checkpoint. Train again."
            )
        return None

    def begin(self, group: ProcessGroup) -> Checkpoint:
        """Return the first process's `start` in all of them; the others write no checkpoints."""
        if group.is_single:
            return self.start
        start = self.start
        data = group.from_first(lambda: _packed(start.progress, start.tensors, self.settings))
        if not group.is_first:
            self.folder, self.start = None, _unpacked(data)[0]
        return self.start

    def exist(self) -> bool:
        """Return whether there is a checkpoint to resume from."""
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
        checkpoint, settings = _unpacked(path.read_bytes(), path)
        if settings != self.settings:
            raise UsageError(
                f"{path} was written with other settings than those in run.toml. Restore run.toml"
                " as it was when the run started, or train again."
            )
        return checkpoint


def _packed(progress: Progress, tensors: dict[str, Tensor], settings: str) -> bytes:
    # the keys of format 1
    header = {"format": FORMAT, "of": settings, "standing": asdict(progress)}
    return pack(tensors, header, digest=True)


def _unpacked(data: bytes, path: Path = Path(NEWEST)) -> tuple[Checkpoint, str]:
    """Return the checkpoint in `data` and its settings; raise one of DAMAGE if it is damaged."""
    tensors, header = unpack(data, path, FORMAT, digest=True)
    return Checkpoint(Progress(**header["standing"]), tensors), header["of"]


def _sync(path: Path) -> None:
    if not path.exists():
        return
    try:
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(
            f"E_OUTPUT_FAILED: cannot flush {path} to the disk ({error.strerror})."
            " Check the disk, then resume the run."
        ) from None
