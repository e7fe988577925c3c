"""Kernels for training on a CPU: few calls per time step forward, fewer backward.

torch has no fused kernel for RNN and GRU on a CPU: it runs them step by step, and so does its
autograd, at about twenty calls a step. Here the loop over time holds only what is truly sequential.
The input's part of every gate is one product before the loop. In the backward pass, everything
that does not depend on the gradient is computed for the whole sequence at once; a step is then one
elementwise product and one matrix product, and the gradient of each weight is one product after the
loop. A step of a minGRU has no matrix product at all. The LSTM's kernel is oneDNN's, which torch
ships, called without torch's wrappers.

Shapes: B batch, T time, D features, H hidden. Inside, time comes first and the batch last,
(T, ·, B), so that the gates of a step are contiguous in memory. The elementwise work of a step is
numpy's, on the same memory: its calls cost a third of torch's at these sizes. Matrix products are
torch's, with torch's number of threads. Overflow raises no warning, as in torch.
"""

from __future__ import annotations

from seqrt.training.kernels.autograd import apply_layer
from seqrt.training.kernels.kind import CellKind, TrainedCell
from seqrt.training.kernels.layer_pass import LayerPass, has_lstm, run_layer

__all__ = ["CellKind", "LayerPass", "TrainedCell", "apply_layer", "has_lstm", "run_layer"]
