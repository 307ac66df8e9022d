"""Prints the version of everything that requirements.txt brings, as it is installed here.

`pip freeze` lists the tests' packages too, and may name files of this machine: here the
requirements are followed from the app's own list, and only names and versions are printed.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def closure(wanted: list[Requirement]) -> dict[str, str]:
    """Follow requirements to everything they need on this machine: name -> version."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            package = metadata.distribution(name)
            # A local label such as "+cpu" says which index it came from; any build will do.
            found[name] = package.version.split("+")[0]
            for line in package.requires or []:
                needed = Requirement(line)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    wanted.append(needed)
    return found


def main() -> None:
    """Print one `name==version` a line, in alphabetical order."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    own = [Requirement(line) for line in lines if re.match(r"[A-Za-z]", line)]
    print("# Versions that the tests passed with, on Linux and Python 3.11; `make lock` writes it.")
    for name, version in sorted(closure([*own, Requirement("psycopg[binary]")]).items()):
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()
