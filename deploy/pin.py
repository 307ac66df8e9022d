"""Writes which very images compose.yaml and the Dockerfile mean, by their digests.

A tag such as `nginx:1.28-alpine` is moved by whoever publishes the image. `make pin` pulls what
stands there, and writes behind each tag the digest that came, so that every machine starts the
same; run again, it takes what the tags mean by then. It needs Docker and its registry.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FILES = ("compose.yaml", "Dockerfile")
# An image of others has a tag; that of this program, which is built here, has none.
_IMAGE = re.compile(r"(?m)^( *image: |FROM )([\w./-]+:[\w.-]+)(?:@sha256:[0-9a-f]{64})?$")


def digest(image: str) -> str:
    """Pull an image and return its digest, "sha256:…".

    Raises
    ------
    SystemExit
        When Docker is not there, cannot pull it, or knows no digest of it.
    """
    try:
        subprocess.run(["docker", "pull", "--quiet", image], check=True, stdout=subprocess.DEVNULL)
        names = "{{range .RepoDigests}}{{println .}}{{end}}"
        digests = subprocess.run(
            ["docker", "image", "inspect", "--format", names, image],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    except FileNotFoundError:
        raise SystemExit(
            "Docker is not installed here. Run this where the containers run."
        ) from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"`{' '.join(error.cmd)}` failed; nothing was changed.") from None
    match = re.search(r"@(sha256:[0-9a-f]{64})$", digests, re.MULTILINE)
    if match is None:
        raise SystemExit(f"Docker knows no digest of {image}; nothing was changed.")
    return match[1]


def main(folder: Path) -> None:
    """Pin every image in the files of a folder, or change nothing."""
    texts = {folder / name: (folder / name).read_text(encoding="utf-8") for name in FILES}
    images = {match[2] for text in texts.values() for match in _IMAGE.finditer(text)}
    digests = {image: digest(image) for image in sorted(images)}
    for path, text in texts.items():
        pinned = _IMAGE.sub(lambda one: f"{one[1]}{one[2]}@{digests[one[2]]}", text)
        path.write_text(pinned, encoding="utf-8")
    for image, pinned in digests.items():
        print(f"{image} is {pinned}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
