"""A problem: labelled sequences in two parts, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from seqrt.contract.manifest import Activation, Head
from seqrt.data import Part
from seqrt.training.networks.metadata import Metadata

Array = NDArray[Any]


@dataclass(frozen=True)
class Problem:
    """What there is to learn, and the part that is kept to judge it by.

    `metadata` holds the names, and the scaling as learnt from `train` alone, but for the means of a
    fold with missing values (see prepare). `validation` is None where nothing was kept, and with
    `folded` all data, judged fold by fold. `time` says in words what `Part.when` counts. `plain`,
    where there is such, says of a part what can be known without memory: (N, O).
    """

    metadata: Metadata
    head: Head
    activation: Activation
    train: Part
    validation: Part | None
    time: str = "row"
    plain: Callable[[Part], Array] | None = None
    folded: bool = False

    @property
    def about(self) -> Metadata:
        """The metadata, under the name it had in earlier versions."""
        return self.metadata

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns of the table that the answers are learnt from; none for sequences."""
        return self.metadata.targets

    @property
    def judged(self) -> Part:
        """The part that figures are taken on: validation, or training where nothing was kept."""
        return self.validation or self.train

    @property
    def part(self) -> str:
        """What the part is called that figures are taken on."""
        if self.folded:
            return "out of fold"
        return "validation" if self.validation else "training"


def held(names: Sequence[str] | str | None) -> tuple[str, ...]:
    """Return names as a tuple; one string is one name."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)
