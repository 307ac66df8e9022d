"""The two walls: the core without Streamlit, the web side without torch, Pyro or numba."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
HEAVY = {"torch", "pyro", "numba", "nutpie", "sklearn", "scipy.optimize"}
CORE = sorted((TOP / "gmm_core").rglob("*.py"))
# What loads with the web process: everything but the engines.
LIGHT = [
    TOP / "app.py",
    *sorted((TOP / "pages").rglob("*.py")),
    *(path for path in CORE if path.parent.name != "engines"),
]


def imported(path: Path, *, at_module_level: bool) -> set[str]:
    """Top names that a file imports; code under TYPE_CHECKING is not run."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
        if at_module_level and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found | {name.split(".")[0] for name in found}


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(TOP)))
def test_the_core_knows_no_streamlit(path):
    assert not {"streamlit", "pages"} & imported(path, at_module_level=False)


@pytest.mark.parametrize("path", LIGHT, ids=lambda p: str(p.relative_to(TOP)))
def test_what_the_web_process_loads_is_light(path):
    names = imported(path, at_module_level=True)
    assert not HEAVY & names
    assert not any(name.startswith("gmm_core.engines") for name in names)


def loaded_by(code: str) -> set[str]:
    report = f"{code}\nimport sys; print(*(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", report], cwd=TOP, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_core_loads_next_to_nothing():
    heavy = {"torch", "pyro", "numba", "streamlit", "scipy", "pandas", "sklearn", "numpy"}
    assert not heavy & loaded_by("import gmm_core")


def test_making_and_reading_a_specification_loads_no_engine():
    loaded = loaded_by(
        "import gmm_core as gmm\n"
        "data = gmm.example('tutorial')\n"
        "spec = gmm.Specification(dataset=data, mixture=gmm.Mixture(), options=gmm.MapOptions())\n"
        "gmm.Specification.from_json(spec.to_json(), data)\n"
        "gmm.jobs, gmm.fit_map"
    )
    assert not {"torch", "pyro", "numba", "streamlit"} & loaded


def test_every_public_name_is_there():
    import gmm_core

    for name in gmm_core.__all__:
        assert getattr(gmm_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        _ = gmm_core.magic


def test_no_module_hides_a_public_function_of_its_name():
    import gmm_core

    modules = {path.stem for path in Path(gmm_core.__file__).parent.iterdir()}
    assert modules & set(gmm_core.__all__) == {"jobs"}
