"""The other protocols are optional: what is left without them works."""

import re
import shutil
import sys
from pathlib import Path

import httpx

from tests.models import MODELS
from tests.servers import ROOT, environment, running


def test_service_without_the_folder_and_its_line_in_main_works(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__", "protocols"))
    main = tmp_path / "app/main.py"
    lines = main.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not re.search(r"\bapi\.protocols|open_inference", line)]
    assert len(kept) == len(lines) - 2  # the import, and the line that adds the routers
    main.write_text("".join(kept))
    env = environment(port=0, log_format="json", drain=0, runtime="numpy", model_dir=MODELS, model_version="3")
    with running([sys.executable, "-m", "app"], cwd=tmp_path, env=env) as server:
        server.url = server.wait_for(r"running on (http://[\d.]+:\d+)")[1]
        server.wait_ready()
        response = httpx.post(f"{server.url}/predict", json={"reviews": ["A superb film."]})
        assert response.json()["predictions"][0]["sentiment"] == "positive"
        for path in ("/v1/models", "/v2", "/v2/health/live"):
            assert httpx.get(f"{server.url}{path}").status_code == 404
