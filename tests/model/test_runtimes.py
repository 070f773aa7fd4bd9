"""TensorFlow and NumPy run the same network."""

import json
import shutil
import sys
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bundles.opening import open_classifier
from app.bundles.reading import Bundle, load_bundle
from app.model.errors import BundleError, PackageMissing
from app.model.network import Layer, Network, probability_of
from app.model.runtimes import BATCH, TensorFlowRuntime
from app.model.vocabulary import Row
from tests.models import resealed
from tests.servers import run_python

RNG = np.random.default_rng(0)


def row(*columns: int) -> Row:
    return Row(np.array(columns, np.int32), 1, 1)


def random_rows(count: int) -> list[Row]:
    return [row(*np.flatnonzero(RNG.random(10_000) < 0.01)) for _ in range(count)]


@pytest.fixture(scope="module")
def tensorflow(bundle: Bundle) -> TensorFlowRuntime:
    return TensorFlowRuntime(bundle.folder)


@pytest.mark.parametrize("count", [1, 2, 5, BATCH])
def test_runtimes_agree(bundle: Bundle, tensorflow: TensorFlowRuntime, count: int) -> None:
    assert bundle.network is not None
    rows = [*random_rows(count - 1), row()]
    expected = bundle.network(rows)
    np.testing.assert_allclose(tensorflow(rows), expected, atol=1e-6)
    np.testing.assert_allclose([bundle.network([each])[0] for each in rows], expected, atol=1e-6)
    np.testing.assert_allclose(tensorflow.network()(rows), expected, atol=1e-6)


def network_of(*units: int, activation: str) -> Network:
    """A random network with these numbers of units; the first is its number of columns."""
    return Network(
        [
            Layer(RNG.normal(size=size).astype(np.float32), RNG.normal(size=size[1]).astype(np.float32))
            for size in pairwise(units)
        ],
        activation,
    )


@pytest.mark.parametrize(("units", "activation"), [((9, 4, 1), "relu"), ((9, 4, 3, 2, 1), "tanh")])
@given(columns=st.sets(st.integers(0, 8), min_size=1))
def test_network_without_a_column_is_that_of_the_row_without_it(
    units: tuple[int, ...], activation: str, columns: set[int]
) -> None:
    network = network_of(*units, activation=activation)
    on = sorted(columns)
    without = network.log_odds_without(row(*on), np.array(on, np.int32))
    rows = [row(*on), *(row(*(other for other in on if other != column)) for column in on)]
    np.testing.assert_allclose(without, network.log_odds(rows), atol=1e-5)


def test_network_file_gives_the_same_network_and_the_same_bytes() -> None:
    network = network_of(9, 4, 1, activation="tanh")
    copy = Network.read(network.to_bytes())
    np.testing.assert_array_equal(copy([row(0, 3), row()]), network([row(0, 3), row()]))
    assert copy.to_bytes() == network.to_bytes()


def saved(**arrays: Any) -> bytes:
    file = BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


W0, B0, W1, B1 = np.zeros((9, 4), np.float32), np.zeros(4, np.float32), np.zeros((4, 1), np.float32), np.zeros(1)
LAYERS = {"weights_0": W0, "bias_0": B0, "weights_1": W1, "bias_1": B1.astype(np.float32), "activation": "relu"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        network_of(9, 4, 1, activation="relu").to_bytes()[:-30],
        saved(),
        saved(activation="relu"),
        saved(**{name: array for name, array in LAYERS.items() if name != "bias_1"}),
        saved(**LAYERS | {"activation": "softmax"}),
        saved(**LAYERS | {"weights_1": np.zeros((5, 1), np.float32)}),
        saved(**LAYERS | {"weights_1": np.zeros((4, 2), np.float32), "bias_1": np.zeros(2, np.float32)}),
        saved(**LAYERS | {"bias_1": B1}),
        saved(**LAYERS | {"bias_1": np.array([print])}),
    ],
)
def test_network_file_with_anything_else_is_refused(content: bytes) -> None:
    Network.read(saved(**LAYERS))
    with pytest.raises(ValueError, match=r"^its? (is not a file|arrays are not|activation is)"):
        Network.read(content)


def test_probability_of_any_log_odds_needs_no_overflow() -> None:
    assert probability_of(np.array([-1e9, 0, 1e9])).tolist() == pytest.approx([0, 0.5, 1])


@pytest.fixture
def old(bundle: Bundle, tmp_path: Path) -> Path:
    """A bundle as version 0.2.0 wrote it."""
    old = Path(shutil.copytree(bundle.folder, tmp_path / "tiny/1"))
    (old / "network.npz").rename(old / "model.tflite")
    resealed(old)
    return old


def test_bundle_without_layers_is_served_by_tensorflow_and_converted_for_numpy(bundle: Bundle, old: Path) -> None:
    review = "A superb film, but a bit long."
    expected = open_classifier(bundle, "tensorflow").predict([review])
    assert open_classifier(load_bundle(old), "tensorflow").predict([review]) == expected
    with pytest.raises(BundleError, match=r"has no network.npz.*python -m training convert"):
        open_classifier(load_bundle(old), "numpy")

    new = old.parent / "2"
    done = run_python("-m", "training", "convert", str(old), str(new))
    assert (done.returncode, done.stdout) == (0, f"bundle: {new}\n")
    assert (new / "network.npz").read_bytes() == (bundle.folder / "network.npz").read_bytes()
    assert not (new / "model.tflite").exists()
    facts, converted = (json.loads((folder / "manifest.json").read_text()) for folder in (bundle.folder, new))
    assert converted == facts | {"version": "2", "files": converted["files"]}
    again = run_python("-m", "training", "convert", str(new), str(old.parent / "3"))
    assert (again.returncode, again.stderr.count("has a network.npz already")) == (1, 1)


def test_tensorflow_without_its_package_says_what_to_install(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(PackageMissing, match=r"requirements/serving\.txt`"):
        open_classifier(bundle, "tensorflow")
