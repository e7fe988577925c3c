"""Devices: which are available, the error where one is not, and that all give the same outputs.

On a machine with an NVIDIA GPU and `pip install 'seqrt[cuda]' pytest`, this runs all of it:

    pytest tests/runtime/opening/test_devices.py

Elsewhere the tests that need CUDA are skipped. The others run everywhere: the code for a device
does not depend on its name, so that the CPU can play its part.
"""

from __future__ import annotations

import importlib.metadata
import os
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt import DeviceError, UsageError
from seqrt.contract import seal
from seqrt.contract.seal import SEAL_SIZE
from seqrt.runtime.compute.step_device import ResidentStep
from seqrt.runtime.opening import cuda
from seqrt.runtime.opening.installed import devices, installed, not_built, owners, two_owners
from seqrt.runtime.opening.session import auto_device, choose_tf32, open_session
from seqrt.runtime.proving.device_check import check_device, compare
from seqrt.runtime.proving.parity import largest, scaled_units
from seqrt.runtime.proving.proof import allowed_errors, decode

NETS = Path(__file__).parents[1] / "nets"
ALL = sorted(path.stem for path in NETS.glob("*.onnx"))
STEPPING = [name for name in ALL if "bidirectional" not in name]
CAUSAL = [name for name in ALL if "bidirectional" not in name]

CUDA = auto_device()[0] == "cuda"
with_cuda = pytest.mark.skipif(not CUDA, reason="CUDA does not start on this machine")
without_cuda = pytest.mark.skipif(CUDA, reason="CUDA starts on this machine")


# Which device


@without_cuda
def test_cuda_that_is_not_there_is_an_error_that_names_what_is_installed(capfd):
    with pytest.raises(DeviceError) as caught:
        seqrt.load(NETS / "lstm-last.onnx", device="cuda")

    message = str(caught.value)
    assert message.startswith("E_PROVIDER: device 'cuda' is not available; ")
    for package in owners():
        assert f"{package} {importlib.metadata.version(package)}" in message
    assert "seqrt[cuda]" in message or "does not start here: " in message
    assert "\n" not in message
    assert caught.value.exit_code == 5
    assert capfd.readouterr() == ("", "")


@without_cuda
def test_auto_takes_the_cpu_where_cuda_does_not_start_and_says_why(capfd):
    device, why = auto_device()

    assert device == "cpu"
    assert why == "this onnxruntime offers: cpu" if devices() == ("cpu",) else "not start" in why
    assert repr(seqrt.load(NETS / "lstm-last.onnx", device="auto")).endswith(", cpu>")
    assert capfd.readouterr() == ("", "")


def test_two_packages_that_own_onnxruntime_are_named_with_the_way_out(tmp_path, monkeypatch):
    folder = tmp_path / "onnxruntime_elsewhere-9.9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime_elsewhere\n")
    with (folder / "METADATA").open("a") as file:
        file.write("Version: 9.9\n")
    (folder / "RECORD").write_text("onnxruntime/__init__.py,,\n")
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").touch()
    assert two_owners() == ""

    monkeypatch.syspath_prepend(tmp_path)

    assert "onnxruntime-elsewhere 9.9" in installed()
    assert len(owners()) == 2
    names = " ".join(owners())
    assert f"own the same files. Keep one: pip uninstall {names}, then pip install" in not_built()


@pytest.fixture
def said_to_have_cuda(monkeypatch):
    """An onnxruntime that claims to offer CUDA, which then fails to start, as without a GPU."""
    monkeypatch.setattr("seqrt.runtime.opening.session.devices", lambda: ("cpu", "cuda"))


# onnxruntime built for the CPU warns about it; built for CUDA, it writes to its log.
quietly = pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider'")


@without_cuda
@quietly
def test_without_a_driver_that_is_the_reason(said_to_have_cuda, monkeypatch, capfd):
    monkeypatch.setattr(cuda, "_DRIVER", "libnone-of-ours.so.1")
    match = (
        r"^E_PROVIDER: device 'cuda' is not available; onnxruntime.* \d.* offers cuda, but it does"
        r" not start here: there is no driver for an NVIDIA GPU \(libnone-of-ours.*\)\. Install"
    )

    with pytest.raises(DeviceError, match=match):
        seqrt.load(NETS / "lstm-last.onnx", device="cuda")

    assert auto_device()[0] == "cpu"
    assert "there is no driver" in auto_device()[1]
    assert repr(seqrt.load(NETS / "lstm-last.onnx", device="auto")).endswith(", cpu>")
    assert capfd.readouterr() == ("", "")


@without_cuda
@quietly
def test_with_a_driver_the_libraries_are_named(said_to_have_cuda, monkeypatch):
    monkeypatch.setattr(cuda, "_DRIVER", None)  # opens the program itself, which is always there

    with pytest.raises(DeviceError, match=r"not start here: .*\. It needs the libraries of CUDA"):
        seqrt.load(NETS / "lstm-last.onnx", device="cuda")


@without_cuda
@pytest.mark.filterwarnings("error")
def test_what_onnxruntime_says_of_cuda_is_the_reason(said_to_have_cuda):
    with pytest.raises(DeviceError, match=r"does not start here: \S.*\. .*or use device='cpu'\.$"):
        seqrt.load(NETS / "lstm-last.onnx", device="cuda")


def test_a_child_of_a_process_that_used_cuda_is_told_to_be_spawned(monkeypatch):
    monkeypatch.setattr(cuda, "_opened_by", {os.getpid() - 1})

    with pytest.raises(DeviceError, match=r"E_DEVICE_FORK: .* spawn, or open .* device='cpu'\."):
        cuda.check_process()


@quietly
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_model_that_no_device_takes_is_a_model_error(device):
    with pytest.raises(seqrt.ModelError, match="E_MODEL_FORMAT: onnxruntime cannot load"):
        open_session(b"no model", device)


# TF32


def test_tf32_of_the_cpu_is_a_usage_error():
    with pytest.raises(
        UsageError, match=r"tf32 needs CUDA: device must be cuda or auto, got 'cpu'"
    ):
        seqrt.load(NETS / "lstm-last.onnx", tf32=True)
    with pytest.raises(UsageError, match="tf32 must be True or False, got 1"):
        seqrt.load(NETS / "lstm-last.onnx", device="auto", tf32=1)


@pytest.mark.parametrize(
    ("asked", "device", "given"), [("auto", "cpu", False), ("auto", "cuda", True)]
)
def test_tf32_of_auto_is_for_cuda_alone(asked, device, given):
    assert choose_tf32(True, asked, device) is given
    assert choose_tf32(False, asked, device) is False


@without_cuda
def test_a_model_that_auto_put_on_the_cpu_has_no_tf32_and_can_be_pickled():
    model = seqrt.load(NETS / "lstm-last.onnx", device="auto", tf32=True)

    again = pickle.loads(pickle.dumps(model))

    assert (model.tf32, again.tf32, again.device) == (False, False, "cpu")


# The check of a device


@pytest.fixture
def check(engine_of):
    """Check one model, as if it were on a device, against another on the CPU."""

    def check(on_device, on_cpu, **options):
        engines = engine_of(on_device), engine_of(on_cpu)
        check_device(*engines, on_cpu.manifest, on_cpu.proof, **options)

    return check


def test_a_device_that_answers_as_the_cpu_passes(model, engine_of, check):
    engines = engine_of(model), engine_of(model)
    found = list(compare(*engines, model.manifest, model.proof))

    check(model, model)
    assert all(each.exact for each in found)
    assert len(found) == 7 if model.manifest.streamable else 6


@pytest.mark.parametrize("tf32", [False, True])
def test_a_device_that_answers_as_another_network_fails(load, check, tf32):
    match = (
        r"^E_DEVICE_SELFTEST: the model gives other results on cpu than on the cpu: the .*"
        r" differ by \d.*, more than the allowed \d.* \(CPUExecutionProvider, onnxruntime.* \d.*\)"
        r"\. Use device='cpu'\.$"
    )

    with pytest.raises(DeviceError, match=match):
        check(load("gru-last"), load("rnn-last"), tf32=tf32)


@pytest.mark.parametrize("name", ALL)
def test_a_device_that_rounds_to_tf32_passes_only_where_that_was_asked_for(load, check, name):
    rounded = seqrt.Model(with_ten_bits((NETS / f"{name}.onnx").read_bytes()))

    check(rounded, load(name), tf32=True)
    with pytest.raises(DeviceError, match="E_DEVICE_SELFTEST"):
        check(rounded, load(name))


@pytest.fixture
def cpu_as_cuda(monkeypatch):
    """A CPU that plays CUDA's part; the function that is set on it changes what CUDA opens."""

    class Device:
        opens = staticmethod(lambda content: content)

    def opened(content, device, **options):
        return open_session(Device.opens(content) if device == "cuda" else content, "cpu")

    def step(session, device, *rest, **options):
        return ResidentStep(session, "cpu", *rest, **options)

    monkeypatch.setattr("seqrt.runtime.model.choose_device", lambda device: device)
    monkeypatch.setattr("seqrt.runtime.compute.engine.open_session", opened)
    monkeypatch.setattr("seqrt.runtime.compute.step_device.ResidentStep", step)
    return Device


@pytest.mark.parametrize("name", ALL)
def test_a_model_is_checked_against_the_cpu_before_it_opens_on_a_device(name, load, cpu_as_cuda):
    assert load(name, device="cuda").device == "cuda"
    cpu_as_cuda.opens = with_ten_bits

    assert load(name, device="cuda", tf32=True).tf32
    with pytest.raises(DeviceError, match="E_DEVICE_SELFTEST: the model gives other results"):
        load(name, device="cuda")
    assert load(name).device == "cpu"


def test_a_language_model_writes_with_its_state_on_a_device(load, cpu_as_cuda):
    on_device = load("text/bytes", device="cuda")

    assert on_device.generate(b"ab", 60, seed=1) == load("text/bytes").generate(b"ab", 60, seed=1)


def with_ten_bits(content: bytes) -> bytes:
    """Round the first layer's weights of a net to the 10 bits of TF32."""
    body = bytearray(content[:-SEAL_SIZE])
    for name in (b"layer0_W", b"layer0_R"):
        # TensorProto: raw_data is field 9 (0x4a) after the name: its length in groups of 7 bits,
        # then the numbers. The name occurs in the node first.
        at = body.index(name, body.index(name) + 1) + len(name)
        assert body[at] == 0x4A
        groups = 2 if body[at + 1] & 0x80 else 1
        length = body[at + 1] & 0x7F | (body[at + 2] << 7 if groups == 2 else 0)
        at += 1 + groups
        weights = np.frombuffer(body, np.uint32, count=length // 4, offset=at)
        body[at : at + length] = (weights & np.uint32(0xFFFFE000)).tobytes()
    return seal(bytes(body))


# The state on the device


def resident(name: str, device: str, state: np.ndarray) -> ResidentStep:
    """Open a net of two features and two outputs on a device, at state (1, S)."""
    session = open_session((NETS / f"{name}.onnx").read_bytes(), device)
    y_shape = (1, 2) if seqrt.load(NETS / f"{name}.onnx").manifest.head == "sequence" else (2,)
    return ResidentStep(session, device, 2, y_shape, state.repeat(2 if "rnn" in name else 1, 0))


@pytest.mark.parametrize("name", STEPPING)
def test_a_state_on_a_device_goes_the_way_of_one_that_is_carried(name, load, x):
    model = load(name)
    state = np.full((1, model.manifest.state_size), 0.25, np.float32)
    on_device, bound = resident(name, "cpu", state), model._engine.bound_step(state)

    for step in x[0]:
        y, state = model.run(step[None, None], None, state)
        np.testing.assert_array_equal(on_device.advance(step), y.reshape(-1))
        np.testing.assert_array_equal(bound.advance(step), y.reshape(-1))
        np.testing.assert_array_equal(on_device.state, state)


@pytest.mark.parametrize("name", STEPPING)
def test_a_state_is_put_on_a_device_and_brought_back(name, x):
    size = seqrt.load(NETS / f"{name}.onnx").manifest.state_size
    first, second = (np.full((1, size), number, np.float32) for number in (0.25, -0.5))
    one, other = resident(name, "cpu", first), resident(name, "cpu", second)
    one.advance(x[0, 0])
    reached = one.state
    one.advance(x[0, 1])

    one.state = second

    np.testing.assert_array_equal(one.state, second)
    np.testing.assert_array_equal(one.advance(x[0, 2]), other.advance(x[0, 2]))
    assert not np.array_equal(reached, one.state), "a state that was read is a copy"


@pytest.mark.parametrize("name", STEPPING)
@pytest.mark.parametrize("sizes", [[1] * 19, [1, 5, 1, 1, 9, 1, 1]])
def test_a_stream_with_its_state_on_a_device_answers_the_whole(name, load, x, monkeypatch, sizes):
    model = load(name)
    whole = model.predict(x[:1])[0]
    monkeypatch.setattr(
        model._engine,
        "bound_step",
        lambda state, time=1: resident(name, "cpu", state) if time == 1 else None,
    )
    stream = model.stream()

    answers = [
        stream.push(x[0, a] if b == a + 1 else x[0, a:b])
        for a, b in pairwise(np.cumsum([0, *sizes]))
    ]

    together = np.concatenate([np.atleast_2d(y) for y in answers])
    np.testing.assert_array_equal(together if whole.ndim == 2 else answers[-1], whole)
    assert stream.fork().save() == stream.save()
    stream.reset()
    np.testing.assert_array_equal(stream.push(x[0, 0]), answers[0].reshape(2))


def test_a_run_that_fails_leaves_the_state_on_the_device_where_it_was(x):
    step = resident("gru-last", "cpu", np.zeros((1, 10), np.float32))
    step.advance(x[0, 0])
    before = step.state
    wrong = ResidentStep(
        open_session((NETS / "lstm-last.onnx").read_bytes(), "cpu"), "cpu", 2, (2,), before
    )

    with pytest.raises(seqrt.ModelError, match="E_MODEL_RUN: onnxruntime cannot run"):
        wrong.advance(x[0, 0])

    np.testing.assert_array_equal(wrong.state, before)


def test_a_child_of_a_process_that_uses_cuda_is_refused_it(monkeypatch):
    step = resident("gru-last", "cpu", np.zeros((1, 10), np.float32))
    monkeypatch.setattr(cuda, "_opened_by", {os.getppid()})

    for use in (lambda: open_session(b"", "cuda"), lambda: step.state):
        with pytest.raises(DeviceError, match=r"E_DEVICE_FORK: .* multiprocessing's spawn"):
            use()


# CUDA itself


@pytest.fixture(params=ALL)
def pair(request):
    """A net on CUDA and on the CPU."""
    path = NETS / f"{request.param}.onnx"
    return seqrt.load(path, device="cuda"), seqrt.load(path)


@pytest.fixture(params=CAUSAL)
def causal_pair(request):
    path = NETS / f"{request.param}.onnx"
    return seqrt.load(path, device="cuda"), seqrt.load(path)


def assert_near(model, y, want):
    """Compare outputs in scaled units by the rule of parity."""
    outputs = model.manifest.outputs
    error = largest(scaled_units(np.asarray(y), outputs) - scaled_units(np.asarray(want), outputs))
    assert error <= allowed_errors(model.manifest, decode(model.proof, model.manifest))[0]


@with_cuda
def test_cuda_answers_as_the_cpu(pair, x, capfd):
    on_cuda, on_cpu = pair

    assert_near(on_cpu, on_cuda.predict(x), on_cpu.predict(x))
    assert on_cuda.validate().ok
    assert repr(on_cuda).endswith(", cuda>")
    assert capfd.readouterr().out == ""


@with_cuda
def test_cuda_answers_ragged_lists_and_rows_of_no_steps_as_the_cpu(pair, x):
    on_cuda, on_cpu = pair
    lengths = [19, 0, 7, 18, 2, 19, 11]
    ragged = [row[:steps] for row, steps in zip(x, lengths, strict=True)]

    assert_near(on_cpu, on_cuda.predict(x, lengths), on_cpu.predict(x, lengths))
    for y, want in zip(on_cuda.predict(ragged), on_cpu.predict(ragged), strict=True):
        assert_near(on_cpu, y, want)
    assert on_cuda.predict(x[:0]).shape == on_cpu.predict(x[:0]).shape


@with_cuda
def test_on_cuda_a_row_of_no_steps_keeps_its_state(causal_pair, x):
    on_cuda, _ = causal_pair
    state = np.full((7, on_cuda.manifest.state_size), 0.25, np.float32)

    y, ends = on_cuda.run(x, [19, 0, 7, 18, 2, 19, 0], state)

    np.testing.assert_array_equal(ends[[1, 6]], state[[1, 6]])
    np.testing.assert_array_equal(y[[1, 6]], 0)


@with_cuda
def test_a_stream_on_cuda_answers_the_whole(causal_pair, x):
    on_cuda, on_cpu = causal_pair
    whole = on_cpu.predict(x[:1])[0]
    stream = on_cuda.stream()

    answers = [*(stream.push(step) for step in x[0, :9]), stream.push(x[0, 9:12])]
    answers += [stream.push(step) for step in x[0, 12:]]

    together = np.concatenate([np.atleast_2d(y) for y in answers])
    assert_near(on_cpu, together if whole.ndim == 2 else answers[-1], whole)


@with_cuda
def test_a_stream_goes_on_from_cuda_to_the_cpu(causal_pair, x):
    on_cuda, on_cpu = causal_pair
    stream = on_cuda.stream()
    for step in x[0, :9]:
        stream.push(step)

    resumed = on_cpu.stream(stream.save())

    for step in x[0, 9:]:
        assert_near(on_cpu, resumed.push(step), stream.push(step))
    assert resumed.steps == stream.steps == 19


@with_cuda
@pytest.mark.parametrize("name", STEPPING)
def test_a_state_stays_on_cuda(name, x):
    size = seqrt.load(NETS / f"{name}.onnx").manifest.state_size
    step = resident(name, "cuda", np.zeros((1, size), np.float32))

    step.advance(x[0, 0])

    assert {value.device_name() for value in step._states} == {"cuda"}


@with_cuda
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("tf32", [False, True])
def test_a_model_on_cuda_is_pickled_with_its_tf32(name, x, tf32):
    model = seqrt.load(NETS / f"{name}.onnx", device="cuda", tf32=tf32)

    again = pickle.loads(pickle.dumps(model))

    assert (again.device, again.tf32) == ("cuda", tf32)
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-5, atol=1e-5)


@with_cuda
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_is_told_that_cuda_is_its_parents(x):
    model = seqrt.load(NETS / "gru-last.onnx", device="cuda")

    child = os.fork()
    if child == 0:
        try:
            model.predict(x)
        except DeviceError as error:
            os._exit(0 if error.code == "E_DEVICE_FORK" else 1)
        os._exit(2)

    assert os.waitpid(child, 0)[1] == 0
