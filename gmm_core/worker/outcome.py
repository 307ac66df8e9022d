"""What the store is told of a run beside its result: the versions that computed it."""

from importlib import metadata

from gmm_core import __version__
from gmm_core.runs import kinds

# Beside those that the engines name.
_PACKAGES = ("numpy", "scipy", "distributed")


def versions() -> dict[str, str]:
    """Versions of this program, of Python and of the packages that decide about the numbers."""
    import platform

    by_name = {"gmm_core": __version__, "python": platform.python_version()}
    engines = [package for engine in kinds.engines() for package in engine.packages]
    for package in dict.fromkeys([*_PACKAGES, *engines]):
        try:
            by_name[package.removesuffix("-ppl")] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return by_name
