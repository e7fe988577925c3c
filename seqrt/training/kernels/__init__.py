"""Kernels for training on a CPU: few calls a step forwards, fewer backwards.

torch has no fused kernel for RNN and GRU on a CPU: it runs them step by step, and so does its
autograd, at some twenty calls a step. Here the steps hold only what truly follows one after the
other. The input's part of every gate is one product before the loop; on the way back all that does
not depend on the gradient is worked out for the whole sequence at once, a step is then one
elementwise product and one matrix product, and each weight has its gradient in one product behind
the loop. The LSTM's kernel is oneDNN's, which torch has, called without what stands around it.

Shapes: B batch, T time, D features, H hidden. Inside, time comes first, the batch last: (T, ·, B),
so that the gates of a step lie one behind the other in memory. The elementwise work of a step is
numpy's, on the same memory: its calls cost a third of torch's at these sizes. Matrix products are
torch's, with torch's number of threads; what overflows stays silent, as in torch.
"""

from __future__ import annotations

from seqrt.training.kernels.autograd import through
from seqrt.training.kernels.run import Run, has_lstm, run

__all__ = ["Run", "has_lstm", "run", "through"]
