"""Data or a built-in task becomes a problem: a training part, a validation part, a baseline."""

from __future__ import annotations
