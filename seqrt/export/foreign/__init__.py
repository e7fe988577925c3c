"""Reads a user's own module: traces its forward and writes what it computes as a graph."""

from __future__ import annotations

from seqrt.export.foreign.module import read_module

__all__ = ["read_module"]
