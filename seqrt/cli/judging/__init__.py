"""What `seqrt evaluate` reports of a forecasting model: a back-test beside baselines."""

from __future__ import annotations
