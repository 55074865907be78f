"""The microbenchmarks run."""

import shutil
import subprocess
import sys

import pytest

from tests.bench.micro import decode
from tests.server_process import ROOT


def test_every_microbenchmark_runs() -> None:
    """Each does once what it times, and its own checks of that hold."""
    command = [sys.executable, "-m", "pytest", "tests/bench/micro", "-o", "python_files=bench_*.py"]
    done = subprocess.run(
        [*command, "-q", "--benchmark-disable", "-p", "no:cacheprovider"],
        cwd=ROOT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip

    assert 0 == done.returncode, done.stdout[-2000:]
    assert "passed" in done.stdout


@pytest.mark.skipif(not shutil.which("node"), reason="there is no Node")
def test_the_client_decodes_what_is_timed() -> None:
    """After all the frames it has all entities, where the last frame put them."""
    result = decode.in_node()

    assert result is not None
    assert decode.EXPECTED == (result["entities"], result["x"])
