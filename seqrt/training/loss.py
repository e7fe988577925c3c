"""The loss of each kind of answer, over the rows that count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torch import Tensor
from torch.nn import functional as F

from seqrt.contract.manifest import Activation

Loss = Callable[[Tensor, Tensor], Tensor]

# logits (N, O), and y as Examples holds it: scaled targets, class numbers, or 0 and 1.
LOSSES: Final[dict[Activation, Loss]] = {
    "none": F.mse_loss,
    "softmax": F.cross_entropy,
    "sigmoid": F.binary_cross_entropy_with_logits,
}
