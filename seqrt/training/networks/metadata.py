"""What a network knows of its data: names, ranges, classes; the manifest's half that is learnt."""

from __future__ import annotations

from dataclasses import dataclass

from seqrt.contract import Column
from seqrt.contract.manifest import Activation, Head, Task


@dataclass(frozen=True)
class Metadata:
    """What training knows and no weight tells: it travels with the network into the file.

    `features` and `outputs` hold a column each, with the range that training saw. Their mean and
    scale are copies: the network's own buffers are what is computed with.
    """

    task: Task
    features: tuple[Column, ...]
    outputs: tuple[Column, ...]
    name: str = "network"
    classes: tuple[int | str, ...] = ()
    targets: tuple[str, ...] = ()
    window: int | None = None
    horizon: int | None = None
    data_sha256: str | None = None
    seed: int | None = None

    @classmethod
    def unnamed(cls, features: int, outputs: int, activation: Activation, head: Head) -> Metadata:
        """Describe a network that no data has named: features x0, x1, ..., outputs y0, y1, ..."""
        labels: Task = "tag" if head == "sequence" else "classify"
        return cls(
            task="regress" if activation == "none" else labels,
            features=tuple(Column(f"x{i}") for i in range(features)),
            outputs=tuple(Column(f"y{i}") for i in range(outputs)),
        )
