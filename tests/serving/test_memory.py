"""A process that frees memory becomes smaller."""

import os
import subprocess
import sys
import textwrap

import pytest

MEGABYTE = 2**20


def resident_after_freeing(before="", after=""):
    """MB that a process has gained by large arrays between small things that stay, and freeing."""
    script = f"""
        import numpy as np
        import psutil

        from gmm_core.serving import memory

        def resident():
            return psutil.Process().memory_info().rss

        {before}
        np.ones(2**18)  # 2 MB: glibc by itself takes its size for the new bound of what is large
        start = resident()
        large, small = [], []
        for _ in range(400):
            large.append(np.ones(2**16))  # 0.5 MB
            small.append(bytes(1_000))
        large.clear()
        {after}
        print(resident() - start)
    """
    # Dask tells its workers' allocator by a variable, and leaves that in this environment.
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=own,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout) / MEGABYTE


@pytest.mark.parametrize(
    "how",
    [{"before": "assert memory.steady()"}, {"after": "assert memory.give_back()"}],
    ids=["steady", "given back"],
)
def test_what_is_freed_is_given_back(how):
    assert resident_after_freeing() > 150
    assert resident_after_freeing(**how) < 20
