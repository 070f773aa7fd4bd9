"""Writing bundles; tests/training writes whole ones."""

from pathlib import Path

import pytest

from app.bundles.writing import staged_bundle
from app.model.errors import BundleError


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_staged_bundle_interrupted_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), staged_bundle(tmp_path, "1") as folder:
        (folder / "half").touch()
        raise error
    assert list(tmp_path.iterdir()) == []


def test_staged_bundle_is_readable_by_others_and_never_overwritten(tmp_path: Path) -> None:
    with staged_bundle(tmp_path, "1"):
        pass
    assert (tmp_path / "1").stat().st_mode & 0o777 == 0o755
    with pytest.raises(BundleError), staged_bundle(tmp_path, "1"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
