"""Checks of the caller's data: arrays of any type become float32 batches and chunks."""

from __future__ import annotations
