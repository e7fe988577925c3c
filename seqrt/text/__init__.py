"""Text as token ids: what training and the runtime share."""

from __future__ import annotations
