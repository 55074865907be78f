"""Have axe look at a page: what bars people who use a keyboard, a reader, or little contrast.

axe-core comes from npm with the other tools of the tests; where there is no Node the check is skipped, in CI never.
"""

import pytest
from playwright.sync_api import Page

from tests.server_process import ROOT
from tests.system_packages import in_ci

AXE = ROOT / "tests" / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page, part: str = "body") -> list[str]:
    """Return a line for each violation in a part of the page: the rule, what it wants, and where."""
    if not AXE.is_file() and not in_ci():
        pytest.skip("axe-core is not installed: it comes with Node's tools (make test)")
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("(part) => axe.run(part).then((result) => result.violations)", part)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for violation in found
        for node in violation["nodes"][:3]
    ]
