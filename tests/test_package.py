"""The library as a package: built as a wheel, installed elsewhere, and used from there."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

import gmm_core

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

USE = """
import json, sys
import gmm_core as gmm
from gmm_core.store import Store

assert not {"torch", "numba"} & set(sys.modules), "importing gmm_core loads heavy packages"
data = gmm.example("faithful")
fit = gmm.fit_map(
    gmm.example("tutorial"), gmm.Mixture(), gmm.MapOptions(restarts=2, steps=3), engine="pyro"
)
with Store("sqlite:///runs.db") as store:
    fingerprint = store.save_dataset(data)
    assert store.load_dataset(fingerprint) == data
print(json.dumps([gmm.__file__, gmm.__version__, sorted(gmm.examples()), list(fit.loss.shape)]))
"""


def run(*command, **options):
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build from a copy, since building leaves folders beside the sources."""
    copy, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        ROOT / "gmm_core", copy / "gmm_core", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    pip = ("-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps")
    run(*pip, "--no-build-isolation", "--wheel-dir", made, copy)
    (built,) = made.iterdir()
    return built


def test_the_wheel_has_everything_of_the_library_and_nothing_else(wheel):
    assert wheel.name.startswith(f"mixture_explorer-{gmm_core.__version__}-")
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gmm_core").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == sources


def test_the_installed_library_works_from_elsewhere(wheel, tmp_path):
    target, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--no-deps")
    run(*pip, "--no-index", "--target", target, wheel)
    environment = os.environ | {"PYTHONPATH": str(target)}
    where, version, examples, shape = json.loads(
        run("-c", USE, cwd=elsewhere, env=environment).splitlines()[-1]
    )
    assert Path(where).is_relative_to(target)
    assert version == gmm_core.__version__
    assert {"tutorial", "faithful", "iris", "galaxies"} <= set(examples)
    assert shape == [2, 3]


def test_the_package_and_the_app_ask_for_the_same_ranges():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    required = {line for line in lines if line and not line.startswith("#")}
    library, app = PROJECT["dependencies"], PROJECT["optional-dependencies"]["app"]
    assert sorted([*library, *app]) == sorted(required)
    assert [line.split("[")[0] for line in app] == ["streamlit"]


def test_the_changelog_tells_of_this_version():
    assert f"\n## {gmm_core.__version__}\n" in (ROOT / "CHANGELOG.md").read_text()
