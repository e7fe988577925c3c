"""Traces a user's forward with torch.export, recurrent layers kept whole, or says why not."""

from __future__ import annotations
