"""`check_model` passes every correct model, and names what is wrong with any other."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt import CheckError, ModelError, UsageError
from seqrt.contract import seal
from seqrt.runtime.compute import engine, predict
from seqrt.runtime.inputs import arrays
from seqrt.runtime.live import saved_state as saved
from seqrt.runtime.live import stream
from seqrt.runtime.opening import file
from seqrt.testing import check_model, checks

TESTS = Path(__file__).parents[1]
NETS = TESTS / "runtime" / "nets"
ALL = sorted([*NETS.rglob("*.onnx"), *TESTS.parent.glob("models/*.onnx")])
LSTM, TAGGER = NETS / "lstm-last.onnx", NETS / "lstm-sequence.onnx"


@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_model_of_the_project_passes_every_check(path):
    report = check_model(path)

    assert report.ok
    assert len(report.findings) > 30


def test_each_check_is_a_call_with_a_sentence_for_a_name():
    each = checks(LSTM)
    names = [str(check) for check in each]

    each[0]()

    assert "a sequence cut anywhere = the whole" in names
    assert "a row without steps keeps its state and affects no other" in names
    assert len(set(names)) == len(names)


def test_a_bidirectional_network_is_asked_for_no_stream():
    names = [str(check) for check in checks(NETS / "gru-bidirectional-last.onnx")]

    assert "a bidirectional network refuses to stream" in names
    assert "a stream in use refuses a second thread" not in names


def test_a_damaged_file_does_not_open(tmp_path):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(LSTM.read_bytes()[:-1])

    for ask in (check_model, checks):
        with pytest.raises(ModelError, match=r"damaged\.onnx"):
            ask(damaged)


@pytest.fixture
def tampered(tmp_path):
    """A model with one weight changed and a new, valid seal."""
    content = bytearray(LSTM.read_bytes()[:-80])
    at = content.rindex(b"layer0_R") + 20
    content[at : at + 4] = np.float32(0.7).tobytes()
    path = tmp_path / "tampered.onnx"
    path.write_bytes(seal(bytes(content)))
    return path


def test_a_model_that_computes_something_else_fails_its_proof(tampered):
    with pytest.raises(CheckError, match=r"^E_CHECK: .*tampered\.onnx: \d+ of \d+ checks") as found:
        check_model(tampered)

    assert 'tampered.onnx: "proof 1 (' in str(found.value)
    assert "batch mates do not matter" not in str(found.value)
    assert isinstance(found.value, AssertionError)
    assert str(pickle.loads(pickle.dumps(found.value))) == str(found.value)


def test_the_report_alone_is_there_for_the_asking(tampered):
    report = check_model(tampered, on_fail="report")

    assert not report.ok
    assert all(finding.name.startswith("proof") for finding in report.failed)
    assert "FAILED proof 1 (" in str(report)
    assert "ok     batch mates do not matter" in str(report)


def test_an_unknown_answer_to_a_failure_is_refused():
    with pytest.raises(UsageError, match="on_fail must be 'raise' or 'report', got 'warn'"):
        check_model(LSTM, on_fail="warn")


# Broken runtimes, each wrong in a way in which bare onnxruntime is, or might be


def forgets_the_state_of_an_empty_row(monkeypatch):
    right = engine.Engine._run

    def run(self, x, lengths, state):
        y, end = right(self, x, lengths, state)
        if lengths is not None:
            end[lengths == 0] = 0
        return y, end

    monkeypatch.setattr(engine.Engine, "_run", run)


def runs_an_empty_batch(monkeypatch):
    monkeypatch.setattr(engine.Engine, "zero_outputs", lambda *_: np.zeros((1, 2), "f4"))


def writes_past_the_end(monkeypatch):
    monkeypatch.setattr(engine, "inside", lambda lengths, time: np.ones((len(lengths), time), bool))


def swallows_nan(monkeypatch):
    monkeypatch.setattr(predict, "separate", lambda name, x, *_, **__: (np.nan_to_num(x), None))


def reads_big_endian_as_garbage(monkeypatch):
    right = arrays.checked_cast

    def checked_cast(name, array, kind):
        return right(name, array.view(array.dtype.newbyteorder("<")), kind)

    monkeypatch.setattr(arrays, "checked_cast", checked_cast)


def ignores_masks(monkeypatch):
    monkeypatch.setattr(arrays.np.ma, "getmaskarray", lambda array: np.zeros(array.shape, bool))


def rounds_what_does_not_fit(monkeypatch):
    def checked_cast(_name, array, kind):
        with np.errstate(over="ignore"):
            return array.astype(kind).clip(-1e30, 1e30)

    monkeypatch.setattr(arrays, "checked_cast", checked_cast)


def writes_into_its_input(monkeypatch):
    right = predict.separate

    def separate(name, x, *rest, **options):
        kept, bad = right(name, x, *rest, **options)
        x[~np.isfinite(x)] = 0
        return kept, bad

    monkeypatch.setattr(predict, "separate", separate)


def returns_one_buffer(monkeypatch):
    right, kept = engine.Engine._run, {}

    def run(self, x, lengths, state):
        y, end = right(self, x, lengths, state)
        buffer = kept.setdefault(y.shape, np.zeros_like(y))
        buffer[...] = y
        return buffer, end

    monkeypatch.setattr(engine.Engine, "_run", run)


def takes_any_lengths(monkeypatch):
    monkeypatch.setattr(
        "seqrt.runtime.inputs.batch.as_lengths",
        lambda value, batch, time: np.resize(np.asarray(value, "i4"), batch).clip(0, time),
    )


def ignores_the_seal(monkeypatch):
    monkeypatch.setattr(file, "digests", lambda content: ("0" * 64, True))


def takes_the_state_of_any_model(monkeypatch):
    monkeypatch.setattr(saved, "_check_owner", lambda owner, digest: None)


def ignores_the_checksum(monkeypatch):
    def content(state, magics, what):
        plain = isinstance(state, bytes) and state.startswith(magics)
        return memoryview(state)[:-32] if plain else None

    monkeypatch.setattr(saved, "_content", content)


def lets_a_second_caller_in(monkeypatch):
    class Open:
        acquire = staticmethod(lambda blocking: True)
        release = staticmethod(lambda: None)

    right = stream.Stream.__init__

    def init(self, *args):
        right(self, *args)
        self._busy = Open()

    monkeypatch.setattr(stream.Stream, "__init__", init)


def counts_in_32_bits(monkeypatch):
    right = stream.Stream._go_to
    monkeypatch.setattr(
        stream.Stream, "_go_to", lambda self, state, steps: right(self, state, steps % 2**32)
    )


def cannot_be_pickled(monkeypatch):
    def reduce(self):
        raise TypeError("cannot pickle 'InferenceSession' object")

    monkeypatch.setattr(seqrt.Model, "__reduce__", reduce)


def fails_in_a_forked_child(monkeypatch):
    here = threading.get_native_id()
    right = engine.Engine._get_session

    def session(self):
        if threading.main_thread().native_id != here:
            raise SystemExit(3)
        return right(self)

    monkeypatch.setattr(engine.Engine, "_get_session", session)


def depends_on_its_batch_mates(monkeypatch):
    right = engine.Engine._run

    def run(self, x, lengths, state):
        y, end = right(self, x, lengths, state)
        return y * np.float32(1 + 0.001 * len(y)), end

    monkeypatch.setattr(engine.Engine, "_run", run)


@pytest.mark.parametrize(
    ("broken", "path", "failing"),
    [
        (forgets_the_state_of_an_empty_row, LSTM, "a row without steps keeps its state"),
        (runs_an_empty_batch, LSTM, "no rows give no rows"),
        (writes_past_the_end, TAGGER, "steps past a length give zeros"),
        (swallows_nan, LSTM, "a nonfinite value is refused and located"),
        (swallows_nan, TAGGER, "nan reaches only the outputs that depend on it"),
        (reads_big_endian_as_garbage, LSTM, "every dtype gives the same predictions"),
        (ignores_masks, LSTM, "masked values are refused"),
        (rounds_what_does_not_fit, LSTM, "numbers that do not fit float32 are refused"),
        (writes_into_its_input, LSTM, "the arrays of the caller are never modified"),
        (returns_one_buffer, TAGGER, "predictions are never overwritten"),
        (takes_any_lengths, LSTM, "wrong lengths are refused"),
        (ignores_the_seal, LSTM, "a changed byte is refused"),
        (takes_the_state_of_any_model, LSTM, "a damaged or foreign saved state"),
        (takes_the_state_of_any_model, LSTM, "a damaged or foreign snapshot"),
        (ignores_the_checksum, LSTM, "a damaged or foreign saved state"),
        (ignores_the_checksum, LSTM, "a damaged or foreign snapshot"),
        (lets_a_second_caller_in, LSTM, "a stream in use refuses a second thread"),
        (counts_in_32_bits, LSTM, "a stream counts steps past 32 bits"),
        (cannot_be_pickled, LSTM, "pickled and copied models predict the same"),
        (fails_in_a_forked_child, LSTM, "a forked child predicts the same"),
        (depends_on_its_batch_mates, LSTM, "batch mates do not matter"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_a_broken_runtime_fails_the_check_of_what_it_breaks(broken, path, failing, monkeypatch):
    check = next(check for check in checks(path) if check.name.startswith(failing))
    broken(monkeypatch)

    with pytest.raises(CheckError, match=f'"{failing}.*" is not true: '):
        check()
