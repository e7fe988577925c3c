"""Benchmarks of a model on this machine, beside bare onnxruntime and PyTorch doing the same work.

`seqrt.bench.race.bench` runs the contenders in turn, each in fresh processes of its own. Nothing is
imported here, because the worker imports this package before the clock of the cold start begins.
"""

from __future__ import annotations
