"""`seqrt doctor`, here and where packages are missing, too old or in conflict."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import onnx
import pytest

import seqrt
from seqrt.cli.environment import PACKAGES
from seqrt.runtime.opening.installed import devices, not_built
from seqrt.runtime.opening.session import IDENTITY

SITE = Path(sysconfig.get_path("purelib"))


@pytest.fixture
def place(tmp_path):
    """A folder of links to all installed packages except those that a test leaves out."""

    def make(*without):
        for entry in SITE.iterdir():
            name = entry.name.partition("-")[0].lower()
            if name not in without and entry.suffix != ".pth":
                (tmp_path / entry.name).symlink_to(entry)
        (tmp_path / "seqrt").symlink_to(Path(seqrt.__file__).parent)
        return tmp_path

    return make


def doctor_at(place, *words):
    """Run `seqrt doctor` in a Python that finds packages only in `place`."""
    code = f"import sys; sys.path.append({str(place)!r}); import seqrt.cli; seqrt.cli.main()"
    command = [sys.executable, "-S", "-c", code, "doctor", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=place)


def record(place, name, version, *files):
    """Write the metadata that pip writes for a package."""
    folder = place / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))


def line_of(name, page):
    return next(line for line in page.splitlines() if line.split()[:1] == [name])


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_package_stands_there_with_its_version(run, package):
    try:
        version = importlib.metadata.version(package.name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("not installed here")

    done = run("doctor")

    assert line_of(package.name, done.out).split()[1] == version
    assert done.code == 0


def test_models_run_and_train_here(run):
    done = run("doctor")

    assert "cpu   onnxruntime   works" in done.out
    assert "cpu   torch         works" in done.out
    assert done.out.endswith("This machine can run models.\nThis machine can train networks.\n")


def test_in_json_the_same_is_said_to_programs(run):
    done = run("doctor", "--json")

    answer = json.loads(done.out)
    assert answer["seqrt"] == seqrt.__version__
    assert 1 <= answer["cores"] <= os.cpu_count()
    assert answer["runs"] is answer["trains"] is True
    names = {p["name"].removesuffix("-gpu") for p in answer["packages"]}
    assert names == {package.name for package in PACKAGES}
    cpu = {"device": "cpu", "engine": "onnxruntime", "works": True, "reason": ""}
    assert cpu in answer["devices"]
    assert answer["warnings"] == []


def test_a_device_that_does_not_work_has_a_reason(run):
    devices = json.loads(run("doctor", "--json").out)["devices"]

    assert len(devices) == 4
    for device in devices:
        assert device["works"] == (device["reason"] == "")


def test_the_device_that_is_not_there_is_explained_as_where_it_is_asked_for(run):
    if "cuda" in devices():
        pytest.skip("this onnxruntime was built for it")

    line = next(line for line in run("doctor").out.splitlines() if "cuda  onnxruntime" in line)

    assert line == f"  cuda  onnxruntime   no: {not_built()}"


def test_where_packages_are_missing_the_pip_line_is_given(place):
    done = doctor_at(place("torch", "pyarrow"))

    assert re.match(
        r" +torch +missing +training +pip install 'seqrt\[train\]'$", line_of("torch", done.stdout)
    )
    assert line_of("pyarrow", done.stdout).endswith("pip install 'seqrt[tables]'")
    assert "cpu   torch         no: torch is not installed" in done.stdout
    assert done.stdout.endswith(
        "This machine can run models.\nThis machine cannot train networks.\n"
    )
    assert done.returncode == 0


def test_where_models_cannot_run_the_exit_code_is_5(place):
    done = doctor_at(place("onnxruntime", "torch"), "--json")

    assert json.loads(done.stdout)["runs"] is False
    assert done.stderr.startswith("seqrt: E_RUNTIME: onnxruntime does not work on the CPU")
    assert done.stderr.endswith("Install it with: pip install --force-reinstall 'seqrt[cpu]'\n")
    assert done.returncode == 5


def test_a_package_that_is_too_old_is_named(place):
    here = place("torch", "onnx")
    record(here, "onnx", "1.2.3", "onnx/__init__.py")

    done = doctor_at(here)

    assert re.search(
        r"onnx +1\.2\.3 .*must be [\d.]+ or newer: pip install 'seqrt\[train\]' --upgrade",
        done.stdout,
    )


def test_two_packages_that_own_onnxruntime_are_a_warning(place):
    here = place("torch")
    record(here, "onnxruntime_gpu", "1.32.0", "onnxruntime/__init__.py")

    done = doctor_at(here)

    assert (
        "warning: onnxruntime and onnxruntime-gpu are both installed and own the same files."
        " Keep one: pip uninstall onnxruntime onnxruntime-gpu, then pip install 'seqrt[cpu]' or"
        " 'seqrt[cuda]'"
    ) in done.stdout


def test_the_smallest_model_is_valid_onnx_in_the_versions_that_we_write():
    model = onnx.load_from_string(IDENTITY)

    onnx.checker.check_model(model, full_check=True)

    assert (model.ir_version, model.opset_import[0].version) == (8, 17)
    assert [node.op_type for node in model.graph.node] == ["Identity"]
