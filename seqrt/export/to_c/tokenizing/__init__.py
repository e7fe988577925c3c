"""The tokenizer of a model that reads text, as C, and texts with which a device proves it."""

from __future__ import annotations
