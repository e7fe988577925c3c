"""The engine: runs of the graph in blocks, on threads, step by step."""

from __future__ import annotations
