"""Checks of any exported model, for test suites: the proof, the laws, and the table of faults.

    from seqrt.testing import check_model, checks

    check_model("model.onnx")                                       # all of them, or CheckError

    @pytest.mark.parametrize("check", checks("model.onnx"), ids=str)    # a test for each
    def test_the_model_keeps_its_word(check):
        check()

Needs numpy and onnxruntime, and no more.
"""

from __future__ import annotations

from seqrt.testing.check import CheckReport, Finding, ModelCheck, check_model, checks

# The name of CheckReport in seqrt 0.1.0.
Report = CheckReport

__all__ = ["CheckReport", "Finding", "ModelCheck", "Report", "check_model", "checks"]
