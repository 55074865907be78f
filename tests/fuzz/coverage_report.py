"""Which branches of the parser and the codecs the fuzz alone reaches, as coverage.py measures it.

The modules are imported anew while they are measured, or what runs at import would count as not reached.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .targets import Target

ROOT = Path(__file__).parents[2]
MEASURED = ("frames", "protocol", "inputs", "codec", "json_codec", "kinds")
LEAST_PERCENT = 90.0

_PROGRAM = """
import sys
from tests.fuzz.run import fuzz
from tests.fuzz.targets import TARGETS
names, count, seed = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3]
faults = [fault for target in TARGETS if target.name in names for fault in fuzz(target, seed, count=count).faults]
sys.exit("\\n".join(faults) or 0)
"""


def measure(targets: Sequence[Target], count: int, seed: str) -> tuple[float, str]:
    """Return the per cent of lines and branches reached, and coverage.py's table; raise when the fuzz finds a fault."""
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "coverage")
        files = ",".join(f"game_server/core/{name}.py" for name in MEASURED)
        tool = [sys.executable, "-m", "coverage"]
        names = ",".join(target.name for target in targets)
        program = os.path.join(folder, "program.py")
        Path(program).write_text(_PROGRAM, encoding="utf-8")
        run = [*tool, "run", "--branch", f"--include={files}", f"--data-file={data}", program, names, str(count), seed]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(run, cwd=ROOT, check=True, env=environment)
        report = [*tool, "report", "--show-missing", f"--data-file={data}"]
        table = subprocess.run(report, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        total = [*tool, "report", "--format=total", "--precision=1", f"--data-file={data}"]
        percent = subprocess.run(total, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return float(percent), table


def report(targets: Sequence[Target], count: int, seed: str) -> int:
    """Print the table; return 1 when less is reached than should be."""
    percent, table = measure(targets, count, seed)
    print(table)
    print(
        f"{percent:.1f} % of lines and branches by {count} inputs a target; at least {LEAST_PERCENT:g} % is asked for"
    )
    return 0 if percent >= LEAST_PERCENT else 1
