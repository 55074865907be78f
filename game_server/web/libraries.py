"""Browser libraries that a package of the server's own requirements carries, served from this host.

They come from the package registry that everything else comes from, so a fresh machine needs no Node, a page works
without the internet, and no copy of other people's code lies in the repository. The package itself is never imported.
What a page may run is bound to what was looked at: each file has its hash here, pages ask the browser to check it, and
a file with another hash is not served. Knows packages and hashes; knows nothing of pages.
"""

import base64
import hashlib
from importlib import metadata
from pathlib import Path

import attrs


@attrs.frozen
class Library:
    """One file: the distribution that carries it, where in it, and the SHA-384 of what it must be."""

    distribution: str
    path: str
    sha384: str

    @property
    def integrity(self) -> str:
        """What a page writes beside the file's URL."""
        return f"sha384-{self.sha384}"


_UPLOT_JS_SHA384 = "XMP23k7YSCFr13Xrkxh4IO0v1W+8fB6AP+3Vycxphp2Z0V2vocAZHyuGaFCysrtM"
_UPLOT_CSS_SHA384 = "IfV0B7MIOYuO95kO9G5ySKPz/85zqFNOAs8iy4tkK5zd9izhJAB8b7lHrwYqqmYE"

#: uPlot 1.6.31, byte for byte the files of its own npm package (tests/web/test_libraries.py)
LIBRARIES = {
    "uplot.iife.min.js": Library("youplot", "youplot/vendor/uplot.iife.min.js", _UPLOT_JS_SHA384),
    "uplot.min.css": Library("youplot", "youplot/vendor/uplot.min.css", _UPLOT_CSS_SHA384),
}


def find_library(name: str) -> Path | None:
    """Return where the file is; None when it is not installed or is not what it must be."""
    library = LIBRARIES[name]
    try:
        path = Path(str(metadata.distribution(library.distribution).locate_file(library.path)))
        content = path.read_bytes()
    except (metadata.PackageNotFoundError, OSError):
        return None
    return path if sha384_of(content) == library.sha384 else None


def sha384_of(content: bytes) -> str:
    """Return a hash as pages write it."""
    return base64.b64encode(hashlib.sha384(content).digest()).decode("ascii")
