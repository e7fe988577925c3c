"""Judging forecasts as forecasters do: metrics, baselines and rolling-origin back-tests.

Shapes: T rows of a table, N origins, H steps ahead, K targets, S series, Q quantile levels.
"""

from __future__ import annotations
