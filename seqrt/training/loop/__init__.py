"""The training loop and its parts: steps, loss, gradient, Adam, checkpoints, several processes.

fit             the loop: epochs, validation, best weights
recipe          its settings
steps           the optimiser steps of an epoch, as micro-batches
stepper         how a step is taken: one operation after another, or as a CUDA graph
gradient        by hand or by autograd; loss, adam, cuda_graph: what a step consists of
state           everything that the next step depends on; checkpoints: its files
distributed     several processes
lr_finder       the learning-rate range test
threads         how many threads to use
"""

from __future__ import annotations
