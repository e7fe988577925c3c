"""Arrays and labels become checked, scaled batches of tensors."""

from __future__ import annotations
