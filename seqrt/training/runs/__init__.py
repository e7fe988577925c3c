"""A run: its plan, its folder, its record and pictures."""

from __future__ import annotations
