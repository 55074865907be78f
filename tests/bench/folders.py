"""Where the benchmark finds its sources and puts what it installs, compiles and writes."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
PEERS = HERE / "peers"
BUILD = REPOSITORY / "build" / "bench"  # git-ignored
