"""Every use of a name that Plotly does not document, each held by tests/contracts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly
import plotly.graph_objects as go


def script() -> Path:
    """Return the plotly.js that came with the package, of the version its figures are written for.

    Raises
    ------
    FileNotFoundError
        When the package has none.
    """
    path = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    if not path.is_file():
        raise FileNotFoundError(
            f"plotly {plotly.__version__} has no {path}, and browsers draw figures with it. "
            "Install the version of plotly that requirements.txt names."
        )
    return path


def unchecked(layout: dict[str, Any]) -> go.Figure:
    """Return an empty figure whose layout is taken as it is; what is added later is checked."""
    fig = go.Figure(layout=layout, _validate=False)
    fig._validate = fig.layout._validate = True
    return fig
