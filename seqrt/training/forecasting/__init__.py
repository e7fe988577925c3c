"""Forecasters: their rules, their training data, the linear part and the calibration."""

from __future__ import annotations
