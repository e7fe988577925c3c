"""Wide tables: several target columns as series of one forecaster, and back."""

from __future__ import annotations
