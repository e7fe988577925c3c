"""Runs: the plan of a training, its folder, its record and its pictures."""

from __future__ import annotations
