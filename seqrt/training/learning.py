"""The gradient of a step: by hand where a network is plain, by autograd elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seqrt.training.chain import Chain, suits
from seqrt.training.descent import Descent
from seqrt.training.loss import LOSSES
from seqrt.training.pieces import Part
from seqrt.training.stack import Stack


class Learning:
    """Gathers the gradient of what a network says to the parts of a step."""

    def __init__(self, net: Stack, descent: Descent) -> None:
        """Take a network, and the descent that its weights follow."""
        self.net, self.descent = net, descent
        self.chain = Chain(net) if suits(net) else None

    def gather(self, parts: Sequence[Part]) -> float:
        """Gather the gradient of this process's share of a step; return its share of the loss."""
        self.descent.clear()
        answers = sum(map(len, parts))
        return sum(self._learn(part, part.own() / answers) for part in parts)

    def _learn(self, part: Part, share: float) -> float:
        if self.chain and type(part) is Part and not torch.is_autocast_enabled("cpu"):
            return self.chain.learn(part.read(self.net), share)
        loss = LOSSES[self.net.activation](*part.answer(self.net)) * share
        loss.backward()
        return loss.item()
