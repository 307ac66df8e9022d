"""The two walls: the core without Streamlit, the web side without torch, Pyro or numba."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
HEAVY = {"torch", "pyro", "numba", "nutpie", "sklearn", "scipy.optimize"}
CORE = sorted((TOP / "gmm_core").rglob("*.py"))
PAGES = [TOP / "app.py", *sorted((TOP / "pages").rglob("*.py"))]
ESTIMATOR = TOP / "gmm_core" / "sklearn.py"
# What loads with the web process: everything but the engines, and what is for scikit-learn.
LIGHT = [*PAGES, *(p for p in CORE if p.parent.name != "engines" and p != ESTIMATOR)]


def with_tops(names: set[str]) -> set[str]:
    return names | {name.split(".")[0] for name in names}


def imported(path: Path) -> tuple[set[str], set[str]]:
    """Modules that a file imports anywhere, and those that it imports as it is loaded.

    Code under TYPE_CHECKING is not run, and counts for neither.
    """
    anywhere: set[str] = set()
    on_loading: set[str] = set()

    def visit(node: ast.AST, loading: bool) -> None:
        names: set[str] = set()
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {node.module}
        anywhere.update(names)
        if loading:
            on_loading.update(names)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        loading = loading and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            visit(child, loading)

    visit(ast.parse(path.read_text()), True)
    return with_tops(anywhere), with_tops(on_loading)


@pytest.fixture(scope="module")
def imports() -> dict[Path, tuple[set[str], set[str]]]:
    """Return what every file of the program imports; each is read once."""
    return {path: imported(path) for path in [*PAGES, *CORE]}


def test_the_core_knows_no_streamlit(imports):
    forbidden = {path: {"streamlit", "pages"} & imports[path][0] for path in CORE}
    assert not {str(path.relative_to(TOP)): names for path, names in forbidden.items() if names}


def test_what_the_web_process_loads_is_light(imports):
    heavy = {
        path: {n for n in imports[path][1] if n in HEAVY or n.startswith("gmm_core.engines")}
        for path in LIGHT
    }
    assert not {str(path.relative_to(TOP)): names for path, names in heavy.items() if names}


def test_nothing_here_imports_the_estimator(imports):
    users = [path for path, (anywhere, _) in imports.items() if "gmm_core.sklearn" in anywhere]
    assert users == []


def test_an_import_is_found_wherever_it_stands(tmp_path):
    file = tmp_path / "module.py"
    file.write_text(
        "import torch.nn\n"
        "if TYPE_CHECKING:\n    import numba\n"
        "def fit():\n    from pyro.infer import SVI\n"
        "class Engine:\n    import sklearn\n"
    )
    on_loading = {"torch", "torch.nn", "sklearn"}
    assert imported(file) == (on_loading | {"pyro", "pyro.infer"}, on_loading)


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


def test_pages_have_no_text_that_streamlit_would_draw_by_itself():
    """A string that stands alone in a page's script appears on the page, but for the first."""
    for script in sorted((TOP / "pages" / "views").glob("*.py")):
        alone = [
            node.value.value
            for node in ast.parse(script.read_text()).body[1:]
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ]
        assert not alone, (script.name, alone)
