"""Fuzz one target under atheris, which looks for inputs that reach new branches, and keep those it finds.

    python -m tests.fuzz.guided TARGET [seconds]

atheris (libFuzzer for Python) has wheels for Linux only, so `make fuzz` goes without it where it cannot be had. What it
finds is added to `corpus/TARGET.txt` when it reaches lines that nothing in the corpus did: libFuzzer's own corpus is
merged into the fewest inputs that do.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

INPUT_BYTES_MAX = 600
CORPUS_LINES_MAX = 120

# Instrumented imports have to come first, and libFuzzer ends the process: hence a program of its own.
_PROGRAM = """
import sys
import atheris
with atheris.instrument_imports(include=["game_server.core", "loadtest.frames"]):
    from tests.fuzz.targets import TARGETS
run = next(target for target in TARGETS if target.name == sys.argv[1]).start()
atheris.Setup([sys.argv[0], *sys.argv[2:]], run)
atheris.Fuzz()
"""


def main() -> int:
    """Fuzz, merge, and write the corpus; return 1 when something was found."""
    from .targets import TARGETS

    target = next(target for target in TARGETS if target.name == sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    kept = target.corpus()
    with tempfile.TemporaryDirectory() as folder:
        found, merged, program = Path(folder, "found"), Path(folder, "merged"), Path(folder, "program.py")
        found.mkdir()
        merged.mkdir()
        program.write_text(_PROGRAM, encoding="utf-8")
        for number, data in enumerate(kept):
            (found / f"kept-{number}").write_bytes(data)
        command = [sys.executable, str(program), target.name, f"-max_len={INPUT_BYTES_MAX}", "-verbosity=1"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        limits = [f"-max_total_time={seconds}", "-print_final_stats=1", f"-artifact_prefix={folder}/"]
        code = subprocess.run([*command, *limits, str(found)], env=environment, check=False).returncode
        subprocess.run(
            [*command, "-merge=1", str(merged), str(found)], env=environment, check=True, capture_output=True
        )
        news = sorted({path.read_bytes() for path in merged.iterdir()} - set(kept), key=len)
        for crash in Path(folder).glob("crash-*"):
            print(f"python -m tests.fuzz --target {target.name} --input {crash.read_bytes().hex()}")
    room = CORPUS_LINES_MAX - len(kept)
    with target.path.open("a", encoding="ascii") as corpus:
        corpus.writelines(f"{data.hex()}\n" for data in news[:room] if data)
    print(f"{target.name}: {len(news)} new inputs reach something new, {min(len(news), max(room, 0))} are kept")
    return 1 if code else 0


if __name__ == "__main__":
    sys.exit(main())
