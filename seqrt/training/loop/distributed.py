"""Several processes that train one network: who reads what, and what they tell one another.

torchrun starts the processes and says in the environment of each which it is. Every process holds
all data and the same weights, draws the same random numbers, and reads its share of each batch; the
gradients are added up, so that all take the same step. The first alone writes, and says where to
begin. On a CPU they talk by gloo, on CUDA by NCCL.
"""

from __future__ import annotations

import atexit
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from seqrt.errors import DeviceError, InputError, UsageError

_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class World:
    """All processes of one training, as process `rank` of `size` sees them; one is no world.

    Every method that talks has to be called by all of them, and raises DeviceError (E_WORLD_LOST)
    where one has left.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other."""
        return self.size == 1

    def own(self, rows: Tensor) -> Tensor:
        """Return the share of `rows` that this process learns from; it may be empty."""
        return rows[self.rank :: self.size]

    def places(self, count: int) -> slice:
        """Return where among so many rows those are that this process reads.

        Who has none reads the first along, at no weight, to draw what all draw.
        """
        return slice(self.rank, None, self.size) if self.rank < count else slice(1)

    def add(self, tensors: Sequence[Tensor], numbers: Sequence[float]) -> list[float]:
        """Add `tensors` up over all processes, in place; return the sums of `numbers`."""
        if self.alone:
            return list(numbers)
        told = torch.tensor(numbers, device=tensors[0].device if tensors else _talks_on())
        flat = torch.cat([*(tensor.flatten() for tensor in tensors), told])
        with _reaching():
            distributed.all_reduce(flat)
        *sums, told = flat.split([*(tensor.numel() for tensor in tensors), len(told)])
        for tensor, total in zip(tensors, sums, strict=True):
            tensor.copy_(total.view_as(tensor))
        return [float(number) for number in told]

    def whole(self, share: Tensor) -> Tensor:
        """Return the rows (B, ·) that `own` took the shares (·, ·) of."""
        if self.alone:
            return share
        (count,) = self.add([], [len(share)])
        rows = share.new_zeros(int(count), share.shape[1])
        rows[self.rank :: self.size] = share
        self.add([rows], [])
        return rows

    def told(self, say: Callable[[], bytes]) -> bytes:
        """Return what the first process has to say; the others do not ask theirs."""
        if self.alone:
            return say()
        said = say() if self.first else b""
        size = torch.tensor(len(said), device=_talks_on())
        self.same([size])
        text = torch.zeros(int(size), dtype=torch.uint8, device=size.device)
        if said:
            text.copy_(torch.frombuffer(bytearray(said), dtype=torch.uint8))
        self.same([text])
        return text.cpu().numpy().tobytes()

    def same(self, tensors: Iterable[Tensor]) -> None:
        """Give `tensors` the values that they have in the first process."""
        if self.alone:
            return
        with _reaching():
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)

    def check_same(self, parts: Iterable[memoryview]) -> None:
        """Raise InputError (E_WORLD_DATA), in all processes, unless `parts` are the same in all."""
        if self.alone:
            return
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        own = torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8).to(_talks_on())
        every = [torch.empty_like(own) for _ in range(self.size)]
        with _reaching():
            distributed.all_gather(every, own)
        other = [rank for rank, theirs in enumerate(every) if not torch.equal(theirs, every[0])]
        if other:
            raise InputError(
                "E_WORLD_DATA: all processes must train the same network on the same data with the"
                f" same settings, and process {other[0]} of {self.size} has others than process 0."
                " Give each the same files and the same options."
            )

    def wait(self) -> None:
        """Return when all processes have come here, or have left."""
        if self.alone:
            return
        try:
            self.add([], [0.0])
        except DeviceError:
            return


ALONE = World()


def join() -> World:
    """Return the world that torchrun, or the caller, has started this process in.

    Raise DeviceError (E_WORLD) where its processes do not find one another.
    """
    if not distributed.is_available():
        return ALONE
    if not distributed.is_initialized():
        if not started_together():
            return ALONE
        _meet()
    size = distributed.get_world_size()
    return World(distributed.get_rank(), size) if size > 1 else ALONE


def started_together() -> bool:
    """Return whether the environment says that there are several processes."""
    return os.environ.get("WORLD_SIZE", "1") != "1"


def check_one_process(work: str) -> None:
    """Raise UsageError for work that several processes cannot share, where there are several."""
    if started_together():
        raise UsageError(
            f"{work} is the work of one process, and torchrun has started"
            f" {os.environ['WORLD_SIZE']}. Call it without torchrun."
        )


def own_device(name: str) -> str:
    """Return the device of this process, where `name` is what all of them were told.

    Raises UsageError or DeviceError where several processes of one machine would share a GPU.
    """
    if not started_together() or not name.startswith("cuda"):
        return name
    here, seen = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if name == "cuda" and here > seen:
        raise DeviceError(
            f"E_DEVICE: each of the {here} processes of a machine must have a GPU of its own, and"
            f" torch sees {seen} CUDA devices here. Start fewer, or use --device cpu."
        )
    if name == "cuda":
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    if here > 1:
        raise UsageError(
            "device must be cuda where several processes share a machine, so that each has a GPU of"
            f" its own, got {name!r}."
        )
    return name


def _meet() -> None:
    missing = [name for name in _NEEDED if not os.environ.get(name)]
    if missing:
        raise DeviceError(
            f"E_WORLD: several processes must be told {', '.join(_NEEDED)}, and {missing[0]} is not"
            " set. Start them with: torchrun --nproc-per-node NUMBER -m seqrt train ..."
        )
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        distributed.init_process_group(backend)
    except (RuntimeError, ValueError) as error:
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise DeviceError(
            f"E_WORLD: the {os.environ['WORLD_SIZE']} processes must find one another at {where},"
            f" and did not ({_first_line(error)}). Choose a free port that all can reach."
        ) from None
    atexit.register(_part)  # threads that still talk when Python has gone abort the process


def _part() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _talks_on() -> torch.device:
    """Return where what is no gradient is sent from: a group of NCCL alone has no CPU."""
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise DeviceError(
            "E_WORLD_LOST: all processes must train to the end, and one has left"
            f" ({_first_line(error)}). See what it said."
        ) from None


def _first_line(error: Exception) -> str:
    return f"{(str(error) or type(error).__name__).splitlines()[0]:.200}"
