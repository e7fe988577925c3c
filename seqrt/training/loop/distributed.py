"""Distributed training: several processes train one network on the same data.

torchrun starts the processes and gives each its rank in the environment. Every process holds all
data and the same weights, draws the same random numbers, and computes its share of each batch; the
gradients are summed, so that all take the same step. Only the first process writes files and reads
checkpoints. On a CPU the processes communicate by gloo, on CUDA by NCCL.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from seqrt.errors import DeviceError, InputError, UsageError

_REQUIRED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class ProcessGroup:
    """The `size` processes that train together, seen from process `rank`.

    Every method that communicates must be called in all processes, and raises DeviceError
    (E_WORLD_LOST) if one of them is lost.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    @property
    def is_single(self) -> bool:
        """Whether there is only one process."""
        return self.size == 1

    def own_rows(self, rows: Tensor) -> Tensor:
        """Return the share of `rows` that this process learns from; it may be empty."""
        return rows[self.rank :: self.size]

    def positions(self, count: int) -> slice:
        """Return which of `count` rows this process computes, as positions among them.

        A process without rows of its own computes the first one with zero weight, so that it draws
        the same random numbers as the others.
        """
        return slice(self.rank, None, self.size) if self.rank < count else slice(1)

    def all_reduce(self, tensors: Sequence[Tensor], numbers: Sequence[float]) -> list[float]:
        """Sum `tensors` over all processes, in place; return the sums of `numbers`."""
        if self.is_single:
            return list(numbers)
        device = tensors[0].device if tensors else _message_device()
        scalars = torch.tensor(numbers, device=device)
        flat = torch.cat([*(tensor.flatten() for tensor in tensors), scalars])
        with _naming_lost_processes():
            distributed.all_reduce(flat)
        *sums, scalars = flat.split([*(tensor.numel() for tensor in tensors), len(scalars)])
        for tensor, total in zip(tensors, sums, strict=True):
            tensor.copy_(total.view_as(tensor))
        return [float(number) for number in scalars]

    def gather_rows(self, share: Tensor) -> Tensor:
        """Return all rows (B, ·), given the `share` (·, ·) of each process, as in `own_rows`."""
        if self.is_single:
            return share
        (count,) = self.all_reduce([], [len(share)])
        rows = share.new_zeros(int(count), share.shape[1])
        rows[self.rank :: self.size] = share
        self.all_reduce([rows], [])
        return rows

    def from_first(self, make: Callable[[], bytes]) -> bytes:
        """Call `make` in the first process only; return its result in all of them."""
        if self.is_single:
            return make()
        made = make() if self.is_first else b""
        size = torch.tensor(len(made), device=_message_device())
        self.broadcast([size])
        message = torch.zeros(int(size), dtype=torch.uint8, device=size.device)
        if made:
            message.copy_(torch.frombuffer(bytearray(made), dtype=torch.uint8))
        self.broadcast([message])
        return message.cpu().numpy().tobytes()

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite `tensors` with their values in the first process."""
        if self.is_single:
            return
        with _naming_lost_processes():
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)

    def check_same(self, parts: Iterable[memoryview]) -> None:
        """Raise InputError (E_WORLD_DATA), in all processes, if their `parts` differ."""
        if self.is_single:
            return
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        own = torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8).to(_message_device())
        digests = [torch.empty_like(own) for _ in range(self.size)]
        with _naming_lost_processes():
            distributed.all_gather(digests, own)
        other = [rank for rank in range(self.size) if not torch.equal(digests[rank], digests[0])]
        if other:
            raise InputError(
                "E_WORLD_DATA: all processes must train the same network on the same data with the"
                f" same settings, but those of process {other[0]} of {self.size} differ from those"
                " of process 0. Give each the same files and the same options."
            )

    def wait(self) -> None:
        """Wait until all processes have called this, or one has left."""
        if self.is_single:
            return
        try:
            self.all_reduce([], [0.0])
        except DeviceError:
            return


SINGLE_PROCESS = ProcessGroup()


def join() -> ProcessGroup:
    """Return the process group that torchrun, or the caller, has started this process in.

    Raise DeviceError (E_WORLD) if its processes do not find each other.
    """
    if not distributed.is_available():
        return SINGLE_PROCESS
    if not distributed.is_initialized():
        if not has_several_processes():
            return SINGLE_PROCESS
        _initialise()
    size = distributed.get_world_size()
    return ProcessGroup(distributed.get_rank(), size) if size > 1 else SINGLE_PROCESS


def has_several_processes() -> bool:
    """Return whether torchrun has started this process as one of several."""
    return os.environ.get("WORLD_SIZE", "1") != "1"


def check_one_process(work: str, instead: str = "") -> None:
    """Raise UsageError if torchrun has started several processes, which `work` does not support.

    `instead` is another remedy than starting it without torchrun, if there is one.
    """
    if has_several_processes():
        raise UsageError(
            f"{work} runs in one process, but torchrun has started {os.environ['WORLD_SIZE']}."
            f" Start it without torchrun{f', or {instead}' if instead else ''}."
        )


def own_device(name: str) -> str:
    """Return the device of this process; `name` is the option, the same in all processes.

    Raise UsageError or DeviceError if several processes on one machine would share a GPU.
    """
    if not has_several_processes() or not name.startswith("cuda"):
        return name
    local, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if name == "cuda" and local > gpus:
        raise DeviceError(
            f"E_DEVICE: each of the {local} processes on a machine needs its own GPU, but torch"
            f" sees {gpus} CUDA devices here. Start fewer processes, or use --device cpu."
        )
    if name == "cuda":
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    if local > 1:
        raise UsageError(
            "device must be cuda if several processes share a machine, so that each gets its own"
            f" GPU, got {name!r}. Use --device cuda."
        )
    return name


def _initialise() -> None:
    missing = [name for name in _REQUIRED if not os.environ.get(name)]
    if missing:
        raise DeviceError(
            f"E_WORLD: distributed training needs {', '.join(_REQUIRED)} in the environment, but"
            f" {missing[0]} is not set. Start the processes with: torchrun --nproc-per-node NUMBER"
            " -m seqrt train ..."
        )
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        distributed.init_process_group(backend)
    except (RuntimeError, ValueError) as error:
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise DeviceError(
            f"E_WORLD: the {os.environ['WORLD_SIZE']} processes could not find each other at"
            f" {where} ({_first_line(error)}). Choose a free port that all of them can reach."
        ) from None
    atexit.register(_leave)  # threads that still communicate as Python exits abort the process


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _message_device() -> torch.device:
    """Return the device to send messages from: a group that has only NCCL cannot use the CPU."""
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")


@contextmanager
def _naming_lost_processes() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise DeviceError(
            "E_WORLD_LOST: lost contact with another process during training"
            f" ({_first_line(error)}). See its own error message, then resume the run."
        ) from None


def _first_line(error: Exception) -> str:
    return f"{(str(error) or type(error).__name__).splitlines()[0]:.200}"


def resolved_device(name: str) -> str:
    """Return the device that auto selects, because a run resumes on the device it started on."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


def device_of(name: str) -> torch.device:
    """Return the device of this process; `name` is the one given to all processes."""
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?", name):
        raise UsageError(f"device must be cpu, cuda, cuda:NUMBER or auto, got {name!r}.")
    device = torch.device(own_device(name))
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"E_DEVICE: device {str(device)!r} is not available; torch sees"
            f" {torch.cuda.device_count()} CUDA devices here. Use --device cpu."
        )
    return device
