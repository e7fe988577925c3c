"""tools/web in Node and in a headless Chromium: the numbers are those of Python.

Skipped without node, without the packages that tools/web/test installs, without Chromium, and the
C as wasm without clang.
"""

from __future__ import annotations

import base64
import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt.export import export_c
from seqrt.text.tokenizer import Tokenizer

HOUSE = Path(__file__).parents[2]
WEB = HOUSE / "tools" / "web"
NODE = shutil.which("node")
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PACKAGES = WEB / "node_modules"

FILES = [
    "models/tutorial-lstm.onnx",
    "models/sunspots.onnx",
    "tests/runtime/nets/lstm-norm-labels.onnx",
    "tests/runtime/nets/rnn-relu.onnx",
    "tests/runtime/nets/gru-sequence.onnx",
    "tests/runtime/nets/gru-bidirectional-sequence.onnx",
    "tests/runtime/nets/missing/gru-forward.onnx",
    "tests/runtime/nets/missing/rnn-mean.onnx",
    "tests/runtime/nets/forecast/shop.onnx",
    "tests/runtime/nets/format2/tagger.onnx",
    "tests/runtime/nets/format2/two-heads.onnx",
    "tests/runtime/nets/format2/pooled.onnx",
    "tests/runtime/nets/format2/words.onnx",
    "tests/runtime/nets/format2/characters.onnx",
    "tests/runtime/nets/format2/word-tags.onnx",
    "tests/runtime/nets/text/bytes.onnx",
]
CUTS = [1, 2, 7, 12]
# What no server of ours has to send; the policy is that of tools/web/README.md.
POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'"


def inputs_of(file):
    """Three sequences of different lengths, the first as long as the last cut."""
    manifest = seqrt.load(HOUSE / file).manifest
    rng = np.random.default_rng(len(file))
    lengths = (CUTS[-1], 5, 9)
    if manifest.tokens:
        return [rng.integers(0, manifest.tokens, n).tolist() for n in lengths]
    low, high = np.array([column.typical_range for column in manifest.features]).T
    sequences = [rng.uniform(low, high, (n, len(low))).astype(np.float32) for n in lengths]
    if manifest.takes_missing:
        sequences[0][3, 0] = np.nan
    return [[[None if v != v else v for v in row] for row in x.tolist()] for x in sequences]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The .wasm of each file that streams, by its file; none without clang."""
    if not shutil.which("clang") or not shutil.which("wasm-ld"):
        return {}
    folder = tmp_path_factory.mktemp("wasm")
    found = {}
    for i, file in enumerate(FILES):
        if seqrt.load(HOUSE / file).manifest.streamable:
            export_c(HOUSE / file, folder, name=f"model{i}")
            source = folder / f"model{i}.c"
            subprocess.run([WEB / "wasm" / "build", source], check=True)
            found[file] = str(source.with_suffix(".wasm"))
    return found


def texts_of(file):
    """2,000 texts, each as base64 with the places where it is cut; None of a model of numbers."""
    text = seqrt.load(HOUSE / file).manifest.text
    if text is None:
        return None
    rng = np.random.default_rng(1)
    known = [word.encode() for word in text.vocabulary] + [b"good", b"NOT"]
    others = (
        b" ",
        b"\n",
        b"\v",
        b"\x00",
        b"\xff\xfe",
        b"\xe6\x97",
        b"w" * 65,
        b"_x9",
        "日本語".encode(),
    )
    pieces, texts = [*known, *known, *others, "\U0001f600".encode(), b"?", b" "], []
    for _ in range(2000):
        chosen = [pieces[i] for i in rng.integers(0, len(pieces), rng.integers(1, 12))]
        data = b"".join([*chosen, rng.bytes(int(rng.integers(1, 9)))])
        cuts = np.sort(rng.integers(0, len(data) + 1, 3)).tolist()
        texts.append((base64.b64encode(data).decode(), cuts))
    return texts


@pytest.fixture(scope="module")
def cases(built):
    return [
        {
            "file": file,
            "wasm": built.get(file),
            "sequences": inputs_of(file),
            "cuts": CUTS,
            "texts": texts_of(file),
        }
        for file in FILES
    ]


@pytest.fixture(scope="module")
def node_answers(cases, tmp_path_factory):
    if not NODE or not (PACKAGES / "onnxruntime-node").exists():
        pytest.skip("needs node, and the packages that tools/web/test installs")
    path = tmp_path_factory.mktemp("web") / "cases.json"
    path.write_text(json.dumps(cases))
    command = [NODE, WEB / "checks" / "node.mjs", path, HOUSE]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Site(http.server.SimpleHTTPRequestHandler):
    """The folder of the checks, the files of the checkout, and the answers that come back."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def do_GET(self):
        if self.path == "/cases.json":
            body = json.dumps(self.server.cases).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        super().do_GET()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.append(json.loads(body))
        self.send_response(204)
        self.end_headers()
        self.server.answered.set()

    def translate_path(self, path):
        if path.startswith("/files/"):
            return str(HOUSE / path.removeprefix("/files/"))  # an absolute path stays what it is
        return super().translate_path(path)

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(cases):
    handler = functools.partial(Site, directory=str(WEB))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.cases, server.answers, server.answered = cases, [], threading.Event()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """The command of a Chromium without a window that talks to nobody else, and its environment."""
    if not CHROMIUM or not (PACKAGES / "onnxruntime-web").exists():
        pytest.skip("needs Chromium, and the packages that tools/web/test installs")
    folder = tmp_path_factory.mktemp("chromium")
    words = "headless no-sandbox disable-gpu disable-quic no-first-run disable-sync"
    words += " disable-background-networking disable-component-update"
    command = [CHROMIUM, *(f"--{word}" for word in words.split()), f"--user-data-dir={folder}"]
    return command, os.environ | {"HOME": str(folder)}


@pytest.fixture(scope="module")
def browser_answers(site, browser):
    command, environment = browser
    address = f"http://127.0.0.1:{site.server_port}/checks/browser.html"
    nothing = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = [*command, "--remote-debugging-port=0", address]
    with subprocess.Popen(words, env=environment, **nothing) as process:
        answered = site.answered.wait(120)
        process.terminate()
    assert answered, "Chromium sent no answers"
    (record,) = site.answers
    assert "error" not in record, record["error"]
    return record["answers"]


@pytest.fixture(params=["node", "browser"])
def answers(request):
    return request.getfixturevalue(f"{request.param}_answers")


def close(got, expected, manifest):
    if isinstance(expected, dict):
        for name, each in expected.items():
            close(got[name], each, manifest)
        return
    scale = max(column.scale for column in manifest.outputs)
    np.testing.assert_allclose(np.array(got, np.float64), expected, rtol=1e-5, atol=1e-5 * scale)


def item_of(outputs, i):
    if isinstance(outputs, dict):
        return {name: each[i] for name, each in outputs.items()}
    return outputs[i]


def test_every_proof_holds(answers):
    assert [each["file"] for each in answers] == FILES
    for each in answers:
        assert each["replay"]["ok"], each["file"]
        assert 0 < each["replay"]["y"]["error"] <= each["replay"]["y"]["allowed"]


def test_a_ragged_batch_gives_the_numbers_of_python(answers, cases):
    for each, case in zip(answers, cases, strict=True):
        model = seqrt.load(HOUSE / each["file"])
        sequences = [
            np.array(x, np.int64 if model.manifest.tokens else np.float64)
            for x in case["sequences"]
        ]
        expected = model.predict(sequences)
        for i, got in enumerate(each["predict"]):
            close(got, item_of(expected, i), model.manifest)


def test_a_stream_gives_the_numbers_of_python_and_its_state_goes_on_there(answers, cases):
    for each, case in zip(answers, cases, strict=True):
        model = seqrt.load(HOUSE / each["file"])
        kind = np.int64 if model.manifest.tokens else np.float64
        if not model.manifest.streamable:
            assert "pushes" not in each
            continue
        x = np.array(case["sequences"][0], kind)
        stream = model.stream()
        for part, got in zip(np.split(x, CUTS[:-1]), each["pushes"], strict=True):
            close(got, stream.push(part), model.manifest)
        resumed = model.stream(bytes(each["saved"]))
        assert resumed.steps == len(x)
        expected = stream.push(np.array(case["sequences"][1], kind))
        close(each["resumed"], expected, model.manifest)


def test_text_gives_the_ids_of_python_whole_and_cut_anywhere(answers, cases):
    read = [(each, case) for each, case in zip(answers, cases, strict=True) if case["texts"]]
    assert len(read) == 4
    for each, case in read:
        model = seqrt.load(HOUSE / each["file"])
        tokenizer = Tokenizer(model.manifest.text)
        texts = [base64.b64decode(text) for text, _ in case["texts"]]
        ids = [tokenizer.encode(text).tolist() for text in texts]
        assert each["ids"] == [[found, found] for found in ids]
        strings = [tokenizer.encode(text.decode(errors="replace")).tolist() for text in texts]
        assert each["strings"] == strings
        halves = tokenizer.encode("na\u00efve \U0001f600 \U0001f680").tolist()
        assert each["halves"] == [halves, halves]
        expected = model.predict([texts[0], "a GOOD film!"])
        for i, got in enumerate(each["texts"]):
            close(got, expected[i], model.manifest)


def test_a_stream_of_text_is_saved_in_the_middle_of_a_word_and_goes_on_in_python(answers):
    read = [each for each in answers if "live" in each]
    assert len(read) == 2
    for each in read:
        model, live = seqrt.load(HOUSE / each["file"]), each["live"]
        stream = model.stream()
        for piece, got in zip(("a go", "od fi", "lm, na", "ïve"), live["pushes"], strict=True):
            expected = stream.push(piece)
            if got:
                close(got, expected, model.manifest)
            else:
                assert not np.any(expected), "no word ends in this piece"
        assert live["refused"] == "E_INPUT_TYPE"
        resumed = model.stream(bytes(live["saved"]))
        assert resumed.steps == stream.steps
        expected = resumed.push(" film!")
        for got in live["ends"]:
            close(got, expected, model.manifest)


def test_a_language_model_writes_the_text_of_python(answers):
    (each,) = (each for each in answers if "written" in each)
    model = seqrt.load(HOUSE / each["file"])
    expected = [
        model.generate("Zwölf Äpfel: ", 200, seed=3),
        model.generate("", 200, temperature=0.8, top_k=40, seed=2**100),
        model.generate(b"\xff\x00", 200, temperature=0).decode(errors="replace"),
    ]
    assert ["".join(pieces) for pieces in each["written"]] == expected
    assert len(each["written"][0]) > 20


def test_the_c_as_wasm_computes_what_python_does_step_by_step(answers, cases, built):
    if not built:
        pytest.skip("needs clang and wasm-ld")
    for each, case in zip(answers, cases, strict=True):
        if each["file"] not in built:
            continue
        model = seqrt.load(HOUSE / each["file"]).joined
        assert each["wasm"]["replay"]["ok"], each["file"]
        stream = model.stream()
        for row, got in zip(case["sequences"][0], each["wasm"]["steps"], strict=True):
            close(got, stream.push(np.array(row, np.float64)), model.manifest)
        end = np.array(each["wasm"]["state"], np.float64)
        np.testing.assert_allclose(end, stream._current()[0], rtol=1e-4, atol=1e-5)
        if case["texts"]:
            texts = [base64.b64decode(text) for text, _ in case["texts"][:20]]
            for text, got in zip(texts, each["wasm"]["texts"], strict=True):
                close(got, model.predict([text])[0].reshape(-1, len(got))[-1], model.manifest)


def test_a_host_that_answers_nan_is_found(answers):
    assert {each["nan"] for each in answers} == {"false, off by Infinity"}


def test_damage_is_found_before_the_file_is_run(answers):
    for each in answers:
        assert all(words.startswith("E_MODEL") for words in each["damaged"]), each["damaged"]


def test_inputs_that_do_not_fit_are_errors_of_ours(answers):
    for each in answers:
        *wrong, empty = each["errors"]
        assert len(wrong) == 5
        assert all(words.startswith("E_INPUT_") for words in wrong), each
        assert empty == "0 outputs"


def test_the_page_replays_the_proof_and_follows_its_input(site, browser):
    command, environment = browser
    address = f"http://127.0.0.1:{site.server_port}/index.html?model=/files/{FILES[1]}"
    words = [*command, "--virtual-time-budget=6000", "--dump-dom", address]
    done = subprocess.run(
        words, check=True, env=environment, capture_output=True, text=True, timeout=120
    )

    page = done.stdout
    assert "The proof holds in this browser: outputs off by" in page
    assert int(re.search(r'id="steps">([\d,]+)<', page)[1].replace(",", "")) > 10
    assert "input: SUNACTIVITY" in page
    assert "output: SUNACTIVITY+1" in page
    assert np.isfinite(float(re.search(r'id="last">([^<]*)<', page)[1]))


def test_the_page_answers_a_text(site, browser):
    command, environment = browser
    file = "tests/runtime/nets/format2/words.onnx"
    address = (
        f"http://127.0.0.1:{site.server_port}/index.html?model=/files/{file}&text=a+good+film!"
    )
    words = [*command, "--virtual-time-budget=6000", "--dump-dom", address]
    done = subprocess.run(
        words, check=True, env=environment, capture_output=True, text=True, timeout=120
    )

    page = done.stdout
    assert "The proof holds in this browser" in page
    assert "4 words, 1 of them unknown" in page
    model = seqrt.load(HOUSE / file)
    wanted = model.predict([Tokenizer(model.manifest.text).encode("a good film!")])[0]
    shown = re.findall(r"<td>y\d</td><td>([^<]*)</td>", page)
    np.testing.assert_allclose([float(each) for each in shown], wanted, rtol=1e-3)


def test_the_page_writes_text_with_a_language_model(site, browser):
    command, environment = browser
    file = "tests/runtime/nets/text/bytes.onnx"
    query = f"model=/files/{file}&text=A+king&write=40"
    address = f"http://127.0.0.1:{site.server_port}/index.html?{query}"
    words = [*command, "--virtual-time-budget=6000", "--dump-dom", address]
    done = subprocess.run(
        words, check=True, env=environment, capture_output=True, text=True, timeout=120
    )

    written = re.search(r'<pre id="written">(.*?)</pre>', done.stdout, re.DOTALL)[1]
    expected = seqrt.load(HOUSE / file).generate("A king", 40, temperature=0.8, top_k=40, seed=1)
    shown = expected.replace("\r", "\n")
    assert html.unescape(written).replace("\r", "\n") == "A king" + shown
