"""Where a process spends its time, by the kernel's own sampling profiler: `perf record`, `perf script`, and a sum.

perf sees kernel and program in one sample. A sampler that walks stacks from outside (py-spy --native) gives the time
of one to the other. Knows perf and what symbols mean; knows nothing of the servers that are compared.

A sample in the kernel belongs to the system call below it, whatever it does there: on the loopback interface a send
goes through the whole of TCP and into the other end's socket before it returns. A sample in a program belongs to the
file and the function that it is in.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.bench.processes import on_core

SAMPLES_A_SECOND = 4000
ATTACHED_S = 0.5  # perf that goes on for so long has found its processes
TRIES = 5
SAMPLES_MIN = 500  # fewer say nothing about shares of a few per cent
KALLSYMS = Path("/proc/kallsyms")
SYSCTL = Path("/proc/sys/kernel")


class PerfFailed(Exception):
    """perf recorded nothing of use; the message says what it said."""


KERNEL_FILE = re.compile(r"\[(?!vdso|vsyscall|unknown|JIT|stack|heap|anon)|.*\.ko\b")


@frozen
class Frame:
    """Where the processor was, or was to return to: a function and the file that it is from."""

    symbol: str
    file: str

    @property
    def is_kernel(self) -> bool:
        """Whether it is the kernel's, or one of its modules'."""
        return bool(KERNEL_FILE.match(self.file))


Sample = list[Frame]  # from where it was outwards

# ---- what belongs where: the first that fits -------------------------------------------------------------------

SEND, RECEIVE, WAIT = "kernel: send", "kernel: receive", "kernel: wait for events"
ENTRY, INTERRUPT = "kernel: system call entry and the rest", "kernel: interrupts and page faults"
#: by the entry of the call, or by what it comes to where the compiler left the entry out
SYSTEM_CALLS = (
    (re.compile(r"_sys_(sendto|sendmsg|sendmmsg|write|writev)$|^(ksys_write|vfs_writev?|do_writev)$"), SEND),
    (re.compile(r"_sys_(recvfrom|recvmsg|recvmmsg|read|readv)$|^(ksys_read|vfs_readv?|do_readv)$"), RECEIVE),
    (re.compile(r"_sys_(epoll_\w+|poll|ppoll|select|pselect6)$|^(do_epoll_\w+|ep_poll)$"), WAIT),
)
INTERRUPTS = re.compile(r"^(asm_)?(sysvec_|common_interrupt|exc_)")

EVALUATION, ALLOCATION = "CPython: interpreter", "CPython: allocation and garbage"
OBJECTS, MODULES = "CPython: objects and calls", "CPython: its C modules (socket, struct, array)"
HELPERS, LIBC = "C extensions (numpy, ujson, speedups)", "C library and clock"
ENGINE, ENGINE_GARBAGE = "Node and V8", "V8: garbage collection"
SCRIPT, OWN, UNKNOWN = "JavaScript, compiled", "its own code, C", "unknown"
CATEGORIES = (
    *(SEND, RECEIVE, WAIT, ENTRY, INTERRUPT),
    *(EVALUATION, OBJECTS, ALLOCATION, MODULES, HELPERS),
    *(SCRIPT, ENGINE, ENGINE_GARBAGE, OWN, LIBC, UNKNOWN),
)
KERNEL = CATEGORIES[:5]

PYTHON_SYMBOLS = (
    (re.compile(r"EvalFrame|^_?PyEval_|^_PyFunction_Vectorcall$|^_PyFrame_|^_PyEvalFrame"), EVALUATION),
    (
        re.compile(
            r"(?i)malloc|calloc|realloc|arena|_free$|Object_Free|dealloc|PyMem|^_?gc_|_GC_|^visit_|traverse|collect|_alloc$"
        ),
        ALLOCATION,
    ),
    (re.compile(""), OBJECTS),
)
NODE_SYMBOLS = (
    (re.compile(r"v8::internal::.*(Scaveng|Mark|Sweep|Heap|Evacuat|GCTracer|Collect)"), ENGINE_GARBAGE),
    (re.compile(r"^(Builtins_|LazyCompile|Function:|\*|~)"), SCRIPT),
    (re.compile(""), ENGINE),
)


def category_of(sample: Sample) -> str:
    """Return what a sample belongs to."""
    return kernel_category(sample) if sample[0].is_kernel else program_category(sample[0])


def kernel_category(sample: Sample) -> str:
    """Return the system call that the kernel was in, or what else it was at."""
    for frame in sample:
        if not frame.is_kernel:
            break
        if INTERRUPTS.search(frame.symbol):
            return INTERRUPT
        for pattern, category in SYSTEM_CALLS:
            if pattern.search(frame.symbol):
                return category
    return ENTRY


def program_category(frame: Frame) -> str:
    """Return what a function of a program belongs to, by the file that it is from."""
    name = frame.file.rpartition("/")[2]
    if re.match(r"(lib)?python3", name):
        return next(category for pattern, category in PYTHON_SYMBOLS if pattern.search(frame.symbol))
    if name == "node" or name.startswith("libnode"):
        return next(category for pattern, category in NODE_SYMBOLS if pattern.search(frame.symbol))
    if "[unknown]" in frame.file:
        return UNKNOWN
    if name.startswith("game_server"):
        return OWN
    if name.startswith(("lib", "ld-")) or frame.file == "[vdso]":
        return LIBC if re.match(r"(libc|libm|libpthread|ld-linux)\b|\[", name) else HELPERS
    if ".cpython-" in name or name.endswith(".abi3.so"):
        return HELPERS if "site-packages" in frame.file else MODULES
    if name.startswith("perf-") or "anon" in frame.file or frame.file.startswith("[JIT]"):
        return SCRIPT
    return OWN


# ---- perf -------------------------------------------------------------------------------------------------------


def why_no_perf(folder: Path) -> str:
    """Return why perf cannot be used here and what would help, or an empty text; `folder` takes a trial's file."""
    if not shutil.which("perf"):
        return "perf is not on the path: Debian has it in linux-perf, Ubuntu in linux-tools-generic, Fedora in perf"
    trial = folder / "trial.perf"
    done = subprocess.run([*record_command(trial), "--", "true"], capture_output=True, text=True)
    trial.unlink(missing_ok=True)
    if done.returncode:
        said = next((line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()), "nothing")
        level = (SYSCTL / "perf_event_paranoid").read_text().strip()
        return (
            f"perf may not record here; it says: {said} Run this as root, or after "
            f"`sysctl kernel.perf_event_paranoid=1` (it is {level}); in a container perf needs CAP_PERFMON"
        )
    first = KALLSYMS.read_text().split(" ", 1)[0]
    if not int(first, 16) and all(not int(line.split(" ", 1)[0], 16) for line in KALLSYMS.open()):
        level = (SYSCTL / "kptr_restrict").read_text().strip()
        return (
            "the kernel hides its symbols, so its time cannot be told apart: run this as root, or after "
            f"`sysctl kernel.kptr_restrict=0` (it is {level})"
        )
    return ""


def record_command(file: Path) -> list[str]:
    """Return how perf is called; what follows is what it records and until when."""
    return ["perf", "record", "-q", "--call-graph", "fp", "-F", str(SAMPLES_A_SECOND), "-o", str(file)]


@contextmanager
def recording(pids: Iterable[int], seconds: float, file: Path, core: int) -> Iterator[None]:
    """Sample processes for so long, meanwhile do what is within; perf itself runs on `core`. Raises PerfFailed."""
    command = [*record_command(file), "-p", ",".join(map(str, pids)), "--", "sleep", str(seconds + ATTACHED_S)]
    process = start_perf(command, core)
    try:
        yield
        _, said = process.communicate(timeout=seconds + 30)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate()
    if process.returncode or not file.exists():
        raise PerfFailed(f"perf record failed: {said.strip()[-400:]}")


def start_perf(command: list[str], core: int) -> "subprocess.Popen[str]":
    """Start perf and return once it records; raises PerfFailed. It gives up when a thread ends just as it looks."""
    said = ""
    for _ in range(TRIES):
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=on_core(core),  # noqa: PLW1509 - this program has no threads
        )
        try:
            _, said = process.communicate(timeout=ATTACHED_S)
        except subprocess.TimeoutExpired:
            return process
    raise PerfFailed(f"perf record failed {TRIES} times: {said.strip()[-400:]}")


LINE = re.compile(r"^\s*[0-9a-f]+ (.*) \((.*)\)$")


def read_samples(file: Path) -> Iterator[Sample]:
    """Yield the samples of a recording."""
    command = ["perf", "script", "--no-inline", "-F", "ip,sym,dso", "-i", str(file)]
    # Symbols are those of the files on this machine: perf would ask a server for others, for minutes.
    environment = {**os.environ, "DEBUGINFOD_URLS": ""}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as script:
        assert script.stdout
        yield from parse_samples(script.stdout)


def parse_samples(lines: Iterable[str]) -> Iterator[Sample]:
    """Yield the samples of what `perf script -F ip,sym,dso` prints: a frame a line, an empty line behind each."""
    sample: Sample = []
    for line in lines:
        found = LINE.match(line.rstrip("\n"))
        if found:
            sample.append(Frame(found[1], found[2]))
        elif sample:
            yield sample
            sample = []
    if sample:
        yield sample
