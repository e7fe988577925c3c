"""Pictures of data and predictions, drawn without a window, and the style of all pictures."""

from __future__ import annotations
