"""Live sequences: one, or any number under keys, with states that can be saved."""

from __future__ import annotations
