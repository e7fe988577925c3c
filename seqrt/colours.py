"""The colours of every picture that seqrt draws."""

from __future__ import annotations

INK = "#22262b"
FAINT = "#8a929b"
GRID = "#e6e8eb"
BLUE = "#1f5fa8"
ORANGE = "#d1702a"
GREEN = "#3c8d5a"
PURPLE = "#7b5ea7"
