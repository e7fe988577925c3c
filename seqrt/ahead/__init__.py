"""Steps ahead: what the outputs of a forecaster mean, and the rows that it is fed beyond them."""

from __future__ import annotations
