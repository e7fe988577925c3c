"""A problem: labelled sequences in a training and a validation part, and their metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Activation, Head
from seqrt.data import Part
from seqrt.data.understanding.accounting import ColumnUse
from seqrt.forecasting.origins import Origins
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.metadata import Metadata

Array = NDArray[Any]


@dataclass(frozen=True)
class Judged:
    """The forecasts of a forecaster that are judged: those at some steps of its sequences.

    `steps` (N,) says which steps of all sequences together, and `part` has a row for each: its
    target y, the last value `known`, the time `when` of the first target; x is the step alone.
    """

    part: Part
    steps: NDArray[np.bool_]


@dataclass(frozen=True)
class Problem:
    """What to learn, and the part of the data to judge it by.

    `metadata` holds the names, and the scaling as measured on `train` alone (except for the means
    of a fold with missing values, see prepare). `validation` is None if no data was set aside; with
    `folded` it is all the data, judged fold by fold. `time` is the name of the unit of `Part.when`.
    `keys` are those of the series that `Part.series` numbers, and `notes` sentences for the user on
    how the data was understood; a warning begins with "warning: ". `columns` are the uses of the
    columns of a table. `plain`, if given, returns the best predictions for a part without memory:
    (N, O). `origins`, of a forecast, returns its origins from the first rows of targets, in rising
    order. A problem with a `forecaster` has whole series as sequences, with the targets of
    training.forecasting at each step, and `forecasts`, those that are judged. `share` is that of a
    text which is for validation.
    """

    metadata: Metadata
    head: Head
    activation: Activation
    train: Part
    validation: Part | None
    time: str = "row"
    plain: Callable[[Part], Array] | None = None
    folded: bool = False
    keys: tuple[tuple[str, ...], ...] = ((),)
    notes: tuple[str, ...] = ()
    columns: tuple[ColumnUse, ...] = ()
    origins: Callable[[NDArray[np.int64]], Origins] | None = None
    forecaster: ForecasterConfig | None = None
    forecasts: Judged | None = None
    share: float | None = None

    @property
    def about(self) -> Metadata:
        """The metadata, under the name it had in earlier versions."""
        return self.metadata

    @property
    def targets(self) -> tuple[str, ...]:
        """The target columns of a table; empty for sequences."""
        return self.metadata.wide or self.metadata.targets

    @property
    def judged(self) -> Part:
        """The part that metrics are measured on: validation, or training if there is none."""
        if self.forecasts:
            return self.forecasts.part
        return self.validation or self.train

    @property
    def part(self) -> str:
        """The name of the part that metrics are measured on."""
        if self.folded:
            return "out of fold"
        return "validation" if self.validation else "training"
