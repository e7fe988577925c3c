"""Arrays of any origin become float32 batches and chunks, checked."""

from __future__ import annotations
