"""What an opened model says about itself: its manifest, its file, and what it runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.ranges import MARGIN, Outside, RangeGuard, with_ranges

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.runtime.compute.workers import Workers
    from seqrt.runtime.opening.file import ModelFile


class ModelFacts:
    """The properties of a Model that its file and its options decide."""

    _file: ModelFile
    _workers: Workers
    _device: str
    _tf32: bool

    @property
    def manifest(self) -> Manifest:
        """What the file says about its network: names, scaling, layers, task."""
        return self._file.manifest

    @property
    def digest(self) -> str:
        """The SHA-256 of the whole file, as `sha256sum` prints it."""
        return self._file.digest

    @property
    def sealed(self) -> bool:
        """Whether the seal holds; may be False only with trust="unsealed"."""
        return self._file.sealed

    @property
    def device(self) -> str:
        """The device that the model runs on: "cpu" or "cuda"."""
        return self._device

    @property
    def tf32(self) -> bool:
        """Whether CUDA may round the factors of products to 10 bits."""
        return self._tf32

    @property
    def threads(self) -> int:
        """How many blocks of rows run at a time."""
        return self._workers.threads

    @property
    def proof(self) -> str:
        """The proof in the file, as JSON text."""
        return self._file.proof

    def outside_range(self, x: Any, margin: float = MARGIN) -> list[Outside]:
        """Return the first value of each feature of x (..., D) that is outside its training range.

        A value may be outside by `margin` times the width of the range; features without a recorded
        range are left out. `predict` and streams never check this by themselves.
        """
        return RangeGuard(with_ranges(self.manifest), margin).found(np.asarray(x))

    def __repr__(self) -> str:
        """Return the model's name, task, layers and device."""
        m = self.manifest
        layers = " -> ".join(f"{layer.cell} {layer.units}" for layer in m.layers)
        sizes = f"{len(m.features)} -> {layers} -> {len(m.outputs)}"
        return f"<seqrt.Model {m.name!r}: {m.task}, {sizes}, {self.device}>"
