"""Networks: layers, stacks, their initial weights, and what a network knows of its data."""

from __future__ import annotations
