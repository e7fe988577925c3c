"""Checks of any exported model, for your test suite: its proof, its laws, and faulty input.

    from seqrt.testing import check_model, checks

    check_model("model.onnx")                                       # CheckError if any fails

    @pytest.mark.parametrize("check", checks("model.onnx"), ids=str)    # one test each
    def test_the_model(check):
        check()

Needs only numpy and onnxruntime.
"""

from __future__ import annotations

from seqrt.testing.check import CheckReport, Finding, ModelCheck, check_model, checks

# The name of CheckReport in seqrt 0.1.0.
Report = CheckReport

__all__ = ["CheckReport", "Finding", "ModelCheck", "Report", "check_model", "checks"]
