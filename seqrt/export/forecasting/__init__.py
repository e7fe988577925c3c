"""Exports a forecaster: its graph, and what the proof needs to know about it."""

from __future__ import annotations
