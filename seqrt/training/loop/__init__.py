"""The training loop and its parts: loss, gradient, Adam, checkpoints, several processes."""

from __future__ import annotations
