"""Curves and draws are the bits that they were: a change of the house changes no number.

The records were made by version 1.0 (`curves.py`). On the kind of processor that made them every
array but nutpie's draws has the same bytes; another kind adds up in another order, and is held to
the values, as those draws are everywhere.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import llvmlite.binding
import numpy as np
import pytest

HERE = Path(__file__).parent
TOP = HERE.parent.parent
RECORDS = json.loads((HERE / "curves.json").read_text())
WARM = "from gmm_core.worker.warming import warm_up; warm_up()"


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """Every array, computed by a process that reads the kernel which another one has compiled."""
    file = tmp_path_factory.mktemp("records") / "curves.npz"
    for command in (["-c", WARM], [str(HERE / "curves.py"), str(file)]):
        environment = {**os.environ, "PYTHONPATH": str(TOP)}
        subprocess.run([sys.executable, *command], cwd=TOP, check=True, env=environment)
    with np.load(file) as arrays:
        return dict(arrays)


def test_every_curve_and_draw_is_as_it_was(computed):
    assert computed.keys() == RECORDS["sha256"].keys()
    same_processor = RECORDS["processor"] == llvmlite.binding.get_host_cpu_name()
    with np.load(HERE / "curves.npz") as recorded:
        for name, array in computed.items():
            if hashlib.sha256(array.tobytes()).hexdigest() == RECORDS["sha256"][name]:
                continue
            # Chains begin where a search has ended, whose last bits are those of the linear algebra
            # that is installed. Each step doubles what they differ by; Adam's hardly do.
            chains = ".nutpie." in name
            assert chains or not same_processor, name
            near = 1e-5 if chains else 1e-11
            np.testing.assert_allclose(array, recorded[name], rtol=near, atol=near, err_msg=name)
