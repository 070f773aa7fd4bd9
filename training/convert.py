"""Adding the layers as arrays, which the runtime `numpy` reads, to a bundle of version 0.2.0 or older."""

import shutil
from pathlib import Path

from app.bundles.manifest import NETWORK
from app.bundles.opening import open_classifier
from app.bundles.reading import load_bundle
from app.bundles.writing import staged_bundle, write_manifest, write_network
from app.model.runtimes import TensorFlowRuntime
from training.errors import TrainingError

OLD = "model.tflite"
"""What such bundles have for LiteRT."""


def convert(old: Path, new: Path) -> None:
    """Copy a bundle without its file for LiteRT and with its layers, complete or not at all; `new` names the version.

    Raises:
        BundleError: One of the folders cannot be used, or the old bundle is damaged.
        TrainingError: The bundle has its layers already.
    """
    bundle = load_bundle(old)
    if bundle.network is not None:
        raise TrainingError(f"{old} has a {NETWORK} already; every runtime can use it as it is")
    open_classifier(bundle, "tensorflow")  # replays the golden reviews with the layers as well
    with staged_bundle(new.parent, new.name) as folder:
        for name in bundle.manifest.files:
            if name != OLD:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(old / name, folder / name)
        write_network(folder, TensorFlowRuntime(old).network())
        write_manifest(folder, **bundle.manifest.model_dump(exclude={"files"}) | {"version": new.name})
