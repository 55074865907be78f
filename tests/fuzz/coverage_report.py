"""Which branches of the parsers and the codecs the fuzz alone reaches, file by file, as coverage.py measures it.

Branches alone: lines that stand in no branch are reached by anything, and would only make the figure look better. The
modules are imported anew while they are measured, or what runs at import would count as not reached.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs
import ujson

from .targets import Target

ROOT = Path(__file__).parents[2]
#: of game_server/core/, and the bots' own parser
MEASURED = "frames protocol words inputs codec json_codec kinds column_kinds schema checksum".split()
FILES = (*(f"game_server/core/{name}.py" for name in MEASURED), "loadtest/frames.py")
#: of each file
LEAST_PERCENT = 90.0

_PROGRAM = """
import sys
from tests.fuzz.run import fuzz
from tests.fuzz.targets import TARGETS
names, count, seed = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3]
faults = [fault for target in TARGETS if target.name in names for fault in fuzz(target, seed, count=count).faults]
sys.exit("\\n".join(faults) or 0)
"""


@attrs.frozen
class Reached:
    """What was reached of one file."""

    file: str
    branches: int
    reached: int
    #: line numbers, from and to, of those that were not; to below 0: out of what begins in that line
    missing: tuple[tuple[int, int], ...]

    @property
    def percent(self) -> float:
        """Of its branches."""
        return 100 * self.reached / self.branches

    def __str__(self) -> str:
        missing = ", ".join(f"{start}->{end if end > 0 else 'exit'}" for start, end in self.missing)
        return f"{self.file:34} {self.reached:4} of {self.branches:4} branches {self.percent:6.1f} %  {missing}"


def measure(targets: Sequence[Target], count: int, seed: str) -> list[Reached]:
    """Return which branches each file has and the fuzz reaches; raise when the fuzz finds a fault."""
    with tempfile.TemporaryDirectory() as folder:
        data, told, program = (os.path.join(folder, name) for name in ("coverage", "coverage.json", "program.py"))
        Path(program).write_text(_PROGRAM, encoding="utf-8")
        tool = [sys.executable, "-m", "coverage"]
        names = ",".join(target.name for target in targets)
        files = [f"--include={','.join(FILES)}", f"--data-file={data}"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        run = [*tool, "run", "--branch", *files, program, names, str(count), seed]
        subprocess.run(run, cwd=ROOT, check=True, env=environment)
        subprocess.run([*tool, "json", "--quiet", *files, "-o", told], cwd=ROOT, check=True)
        found = ujson.loads(Path(told).read_text(encoding="utf-8"))["files"]
    return [
        Reached(
            file,
            found[file]["summary"]["num_branches"],
            found[file]["summary"]["covered_branches"],
            tuple((start, end) for start, end in found[file]["missing_branches"]),
        )
        for file in FILES
    ]


def report(targets: Sequence[Target], count: int, seed: str) -> int:
    """Print what is reached; return 1 when it is less of a file than should be."""
    files = measure(targets, count, seed)
    print(*files, sep="\n")
    branches, reached = sum(each.branches for each in files), sum(each.reached for each in files)
    least = min(files, key=lambda each: each.percent)
    print(
        f"{reached} of {branches} branches, {100 * reached / branches:.1f} %, by {count} inputs a target;"
        f" least of a file {least.percent:.1f} %, at least {LEAST_PERCENT:g} % is asked for"
    )
    return 0 if least.percent >= LEAST_PERCENT else 1
