"""Live sequences: a single one, or many under keys, with states that can be saved."""

from __future__ import annotations
