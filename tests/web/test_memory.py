"""Memory: what a tick frees stays with the process, and what a server does not use is not loaded."""

import platform
import subprocess
import sys

import pytest

TICKS = """
import resource, sys
import numpy as np
from game_server.web.memory import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
def tick():
    return [np.ones(25_000) for _ in range(20)]
for _ in range(5):
    tick()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    tick()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    """Return how many pages twenty ticks had to ask for."""
    run = subprocess.run([sys.executable, "-c", TICKS, how], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has to be told")
def test_ticks_use_the_same_memory_again() -> None:
    """Ticks that work with large arrays hardly ask the kernel for pages, as they do if the C library is not told."""
    assert page_faults("keep") * 10 < page_faults("leave")


def test_what_is_not_used_is_not_loaded() -> None:
    """A server on its own, without keys, loads neither PyJWT with cryptography nor Redis' client."""
    program = "import sys, game_server.__main__; print(*{'jwt', 'cryptography', 'redis'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert [] == run.stdout.split()
