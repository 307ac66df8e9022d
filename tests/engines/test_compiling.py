"""The cache of compiled code: damaged, full or without a folder, it costs a compilation, no fit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gmm_core.engines.compiling import _Checked, sources

ROOT = Path(__file__).parents[2]
TINY = """\
import numpy as np
from gmm_core.engines.compiling import cfunc, njit


@njit(cache=True)
def twice(x):
    return 2 * x


@cfunc("float64(float64)", cache=True)
def third(x):
    return x / 3
"""
ASK = "import tiny; assert tiny.twice(21) == 42 and tiny.third.ctypes(3.0) == 1.0; print('right')"


@pytest.fixture
def run(tmp_path):
    (tmp_path / "tiny.py").write_text(TINY)

    def run(before="", **environment):
        done = subprocess.run(
            [sys.executable, "-c", f"{before}\n{ASK}"],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}",
                "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
            }
            | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "right\n"
        return done.stderr

    return run


def files(tmp_path, ending):
    return sorted((tmp_path / "cache").rglob(f"*.{ending}"))


def empty(content):
    return b""


def half(content):
    return content[: len(content) // 2]


def changed(content):
    middle = len(content) // 2
    return (
        content[:middle]
        + bytes(b ^ 0xFF for b in content[middle : middle + 4])
        + content[middle + 4 :]
    )


def zeros(content):
    return bytes(len(content))


def test_damaged_code_is_compiled_again_and_told_in_a_sentence(run, tmp_path):
    assert run() == ""
    contents = {
        path: path.read_bytes() for ending in ("nbi", "nbc") for path in files(tmp_path, ending)
    }
    assert len(contents) == 4
    assert run() == ""  # read from the disk
    for ending in ("nbi", "nbc"):
        for damage in (empty, half, changed, zeros):
            for path in files(tmp_path, ending):
                path.write_bytes(damage(path.read_bytes()))
            output = run()
            assert output.count("\n") == 1, (ending, damage, output)
            assert "could not be read" in output
            assert run() == ""  # and it is whole again


def test_a_full_disk_costs_a_compilation(run):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    output = run(limit)
    assert "could not be written" in output
    assert output.count("\n") == 1


def test_without_any_folder_code_is_compiled_all_the_same(run, tmp_path):
    # As a service account: it may write neither beside the code nor at home.
    drop = (
        "import os, numba, gmm_core.engines.compiling as compiling\n"
        "from numba.core import caching, config\n"
        # All that numba loads late, since it may be where only this user reads.
        "numba.cfunc('float64(float64)')(lambda x: x / 3), numba.njit(lambda x: 2 * x)(21)\n"
        "config.CACHE_DIR = ''\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "compiling._place()\n"
        "assert 'gmm-compiled-' in config.CACHE_DIR"
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "tiny.py").rename(folder / "tiny.py")
    for path in [tmp_path, *tmp_path.parents]:
        if path == Path("/tmp") or not os.access(path, os.W_OK):
            break
        path.chmod(path.stat().st_mode | 0o055)
    folder.chmod(0o555)
    output = run(
        drop,
        HOME="/nonexistent",
        NUMBA_CACHE_DIR="",
        TMPDIR="/tmp",
        PYTHONPATH=f"{ROOT}{os.pathsep}{folder}",
    )
    assert "could not be written" in output
    folder.chmod(0o755)


def test_a_change_of_any_file_of_a_folder_changes_its_digest(tmp_path):
    (tmp_path / "kernel.py").write_text("ROW = 1")
    (tmp_path / "notes.txt").write_text("no code")
    before = sources(tmp_path)
    sources.cache_clear()
    (tmp_path / "notes.txt").write_text("no code either")
    assert sources(tmp_path) == before
    sources.cache_clear()
    (tmp_path / "kernel.py").write_text("ROW = 2")
    assert sources(tmp_path) != before
    sources.cache_clear()


def test_code_that_was_compiled_among_other_files_is_compiled_again(run, tmp_path):
    run()
    index = files(tmp_path, "nbi")
    contents = {file: file.read_bytes() for file in index}
    run()
    assert {file: file.read_bytes() for file in index} == contents
    other = "from gmm_core.engines import compiling; compiling.sources = lambda folder: 'other'"
    run(other)
    assert all(file.read_bytes() != contents[file] for file in index)


def test_processes_that_compile_at_once_do_not_mix_up_their_code(tmp_path, monkeypatch):
    one, other = (_Checked(str(tmp_path), "tiny", "stamp") for _ in range(2))
    monkeypatch.setattr(other, "_load_index", dict)  # it read the index before the first wrote it
    one.save("of integers", 42)
    before = one._load_index()
    other.save("of floats", 0.5)
    assert one.load("of floats") == 0.5
    monkeypatch.setattr(one, "_load_index", lambda: before)
    assert one.load("of integers") == 42
