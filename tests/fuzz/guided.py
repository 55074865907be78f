"""Fuzz under atheris, which looks for inputs that reach new branches, and keep those it finds.

    python -m tests.fuzz.guided TARGET|all [seconds]

atheris (libFuzzer for Python) has wheels for Linux only, so `make fuzz` goes without it where it cannot be had. What it
finds is added to `corpus/TARGET.txt` when it reaches branches that nothing in the corpus does: libFuzzer merges what it
found into the corpus that is kept, shortest first, and only what adds something is taken.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from .targets import TARGETS, Target, load

INPUT_BYTES_MAX = 600
CORPUS_LINES_MAX = 160
#: libFuzzer's figures at its end
_STATISTICS = re.compile(rb"stat::(\w+): +(\d+)")

# Instrumented imports have to come first, and libFuzzer ends the process: hence a program of its own. To merge, it
# lets a shell start what stands first in its arguments: that is the interpreter with the program, not the latter alone.
_PROGRAM = """
import shlex
import sys
import atheris
with atheris.instrument_imports(include=["game_server.core", "loadtest.frames"]):
    from tests.fuzz.targets import TARGETS
run = next(target for target in TARGETS if target.name == sys.argv[1]).start()
atheris.Setup([f"{shlex.quote(sys.executable)} {shlex.quote(sys.argv[0])} {sys.argv[1]}", *sys.argv[2:]], run)
atheris.Fuzz()
"""


def main() -> int:
    """Fuzz what was named, merge, and write the corpora; return 1 when something was found that is not documented."""
    name, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60
    chosen = [target for target in TARGETS if name in ("all", target.name)]
    if not chosen:
        print(f"no target {name!r}; there are all, {', '.join(target.name for target in TARGETS)}", file=sys.stderr)
        return 2
    return max([guide(target, seconds, target.path) for target in chosen])


def guide(target: Target, seconds: int, path: Path) -> int:
    """Fuzz a target for so long, and add to the corpus in a file what it lacked; return 1 when a fault was found."""
    corpus = load(path)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept, found, program = folder / "kept", folder / "found", folder / "program.py"
        program.write_text(_PROGRAM, encoding="utf-8")
        for place in (kept, found):
            place.mkdir()
            for number, data in enumerate(corpus):
                (place / f"kept-{number}").write_bytes(data)
        command = [sys.executable, str(program), target.name, f"-max_len={INPUT_BYTES_MAX}"]
        limits = [f"-max_total_time={seconds}", "-print_final_stats=1", f"-artifact_prefix={folder}/", "-timeout=10"]
        fuzzed = _run([*command, *limits, str(found)])
        if fuzzed.returncode:
            print(fuzzed.stderr.decode("utf-8", "replace")[-4000:], file=sys.stderr)
        for artifact in sorted(folder.glob("*-[0-9a-f]*")):
            print(f"python -m tests.fuzz --target {target.name} --input {artifact.read_bytes().hex()}")
        # Branches alone, not how often each is taken: the latter adds many inputs that differ in length only.
        merged = _run([*command, "-merge=1", "-use_counters=0", str(kept), str(found)])
        merged.check_returncode()
        added = sorted((path.read_bytes() for path in kept.iterdir() if not path.name.startswith("kept-")), key=len)
    room = max(0, CORPUS_LINES_MAX - len(corpus))
    with path.open("a", encoding="ascii") as file:
        file.writelines(f"{data.hex()}\n" for data in added[:room] if data)
    figures = {key.decode(): int(value) for key, value in _STATISTICS.findall(fuzzed.stderr)}
    ran = figures.get("number_of_executed_units", 0)
    print(
        f"{target.name}: {ran:,} inputs, {len(added)} reach branches that none did; {path.name} got {len(added[:room])}"
    )
    sys.stdout.flush()
    return 1 if fuzzed.returncode else 0


def _run(command: list[str]) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, env=environment, capture_output=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
