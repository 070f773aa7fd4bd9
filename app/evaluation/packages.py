"""The packages of the extra `evaluation`, which only `evaluate`, `calibrate` and training need."""

from importlib.util import find_spec

from app.inference.errors import PackageMissing
from app.inference.packages import how_to_install

PACKAGES = {"scipy": "SciPy", "sklearn": "scikit-learn"}
PLOTS = {"matplotlib": "matplotlib"}


def require_packages(plots: bool = False) -> None:
    """Check that the packages are installed, before anything imports them.

    Args:
        plots: Whether to draw, too.

    Raises:
        PackageMissing: One is not installed.
    """
    needed = PACKAGES | (PLOTS if plots else {})
    if missing := [name for module, name in needed.items() if find_spec(module) is None]:
        raise PackageMissing(
            f"this needs {' and '.join(missing)}; install them with "
            f"{how_to_install('evaluation', *(name.lower() for name in needed.values()))}"
        )
