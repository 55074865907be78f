"""The browser libraries that packages carry: the very files that their makers publish, and nothing else."""

from pathlib import Path

import pytest

from game_server.web import libraries
from game_server.web.libraries import LIBRARIES, find_library, sha384_of
from tests.server_process import ROOT
from tests.web.admin_site import Site

#: the same files in the library's own npm package, which the tests install for its types
PUBLISHED = {
    "uplot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.min.css": "uplot/dist/uPlot.min.css",
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_is_what_its_makers_publish(name: str) -> None:
    """Byte for byte the file of the npm package, though it comes with a Python one."""
    published = ROOT / "tests" / "node_modules" / PUBLISHED[name]
    if not published.is_file():
        pytest.skip("the npm package comes with Node's tools (make test)")
    found = find_library(name)

    assert found is not None
    assert published.read_bytes() == found.read_bytes()
    assert LIBRARIES[name].integrity == f"sha384-{sha384_of(published.read_bytes())}"


def test_what_is_not_as_expected_is_not_served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file with another hash, or a package that is not there, is as good as none."""
    other = libraries.Library("youplot", "youplot/__init__.py", "AAAA")
    absent = libraries.Library("no-such-package", "x.js", "AAAA")
    monkeypatch.setattr(libraries, "LIBRARIES", {"other.js": other, "absent.js": absent})

    assert [None, None] == [find_library("other.js"), find_library("absent.js")]


@pytest.mark.gen_test
async def test_libraries_are_served_by_this_host(site: Site) -> None:
    """Pages get them from here, under the page's policy and with their type; nothing else of the package is served."""
    script = await site.fetch("/static/library/uplot.iife.min.js")
    others = [(await site.fetch(f"/static/library/{name}")).code for name in ("../index.js", "__init__.py", "")]

    assert (200, True) == (script.code, "javascript" in script.headers["Content-Type"])
    assert "nosniff" == script.headers["X-Content-Type-Options"]
    assert {403, 404} >= set(others)
