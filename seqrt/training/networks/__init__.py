"""Networks: layers, stacks of layers, their initial weights and their metadata."""

from __future__ import annotations
