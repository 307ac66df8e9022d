"""The browser's side of figures, served once for all of them.

Streamlit sends a component's script along with every element that is one. So the component is only
a few lines that load this module, whose address names its content.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from gmm_core.figures import style
from pages.parts.platform import addresses

PATH = "/figures"
_HERE = Path(__file__).parent
# A module: the functions of the others stand behind the figure's.
_PARTS = ("figure.js", "labels.js", "player.js", "frames.js")

LOADER = """export default (component) => {
let undo, over;
import(location.origin + component.data.script).then((figures) => {
if (!over) undo = figures.default(component)});
return () => {over = true; undo?.()}}"""


@cache
def _content() -> bytes:
    css = (_HERE / "figure.css").read_text(encoding="utf-8")
    appearance = (
        'const look = document.createElement("style");\n'
        f"look.textContent = {json.dumps(css)};\n"
        "document.head.append(look);\n"
    )
    parts = ((_HERE / name).read_text(encoding="utf-8") for name in _PARTS)
    tokens = f"const TOKENS = {json.dumps(style.themes())};"
    return "\n".join([*parts, tokens, appearance]).encode()


@cache
def _name() -> str:
    return f"{sha256(_content()).hexdigest()[:16]}.js"


@cache
def _packed() -> bytes:
    return gzip.compress(_content(), 9, mtime=0)


def url() -> str:
    """Return the address that browsers load it from."""
    return addresses.address(f"{PATH}/{_name()}")


def link() -> str:
    """Return what tells a browser to fetch it before it is asked for."""
    return f"<{url()}>; rel=modulepreload"


async def _answer(request: Request) -> Response:
    if request.path_params["name"] != _name():
        return Response("Not found", 404)
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Encoding": "gzip",
        "Vary": "Accept-Encoding",
    }
    return Response(_packed(), headers=headers, media_type="text/javascript")


ROUTES = addresses.routes(f"{PATH}/{{name}}", _answer)
