"""Checks of the caller's data: arrays of any origin become float32 batches and chunks."""

from __future__ import annotations
