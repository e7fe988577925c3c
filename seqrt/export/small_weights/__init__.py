"""Stores the weights of a model file in fewer bytes, and proves the smaller file."""

from __future__ import annotations
