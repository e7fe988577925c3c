"""Metadata of a network: names, ranges and classes of its data, as they go into the manifest."""

from __future__ import annotations

from dataclasses import dataclass

from seqrt.contract import Column, Input, TimeColumn
from seqrt.contract.manifest import Activation, Head, Task
from seqrt.contract.text import Text


@dataclass(frozen=True)
class Metadata:
    """What is known about a network besides its weights; export writes it into the file.

    `features` and `outputs` hold one column each, with the range seen in training. Their mean and
    scale are copies: the network computes with its own buffers. `quantiles` are those that a
    forecast gives for each step and target; the outputs have the names of `output_names`. `wide`
    are the target columns of a wide table, each a series (see seqrt.data.wide). `text` says how
    text becomes the ids that a network of tokens reads.
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
    inputs: tuple[Input, ...] = ()
    series: tuple[str, ...] = ()
    time: TimeColumn | None = None
    earlier_data: tuple[str, ...] = ()
    quantiles: tuple[float, ...] = ()
    wide: tuple[str, ...] = ()
    text: Text | None = None

    @classmethod
    def unnamed(cls, features: int, outputs: int, activation: Activation, head: Head) -> Metadata:
        """Return the metadata of an untrained network: features x0, x1, ..., outputs y0, y1, ..."""
        labels: Task = "tag" if head == "sequence" else "classify"
        return cls(
            task="regress" if activation == "none" else labels,
            features=tuple(Column(f"x{i}") for i in range(features)),
            outputs=tuple(Column(f"y{i}") for i in range(outputs)),
        )
