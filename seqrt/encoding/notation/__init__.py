"""How times are written: the forms of dates and clocks, offsets and zones, read and written."""

from __future__ import annotations
