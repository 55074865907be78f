"""Real processes, players and a real Redis under faults, in short; `python -m tests.cluster.real_faults` runs on."""

from pathlib import Path

import pytest

from tests.cluster.real_faults import run_real_faults
from tests.cluster.redis_server import SKIPPED, find_redis
from tests.system_packages import in_ci


@pytest.mark.skipif(find_redis() is None and not in_ci(), reason=SKIPPED)
def test_nothing_is_twice_and_nothing_lost(tmp_path: Path) -> None:
    """A worker dies, one is stopped, Redis is emptied and started anew, while players come, go and come back."""
    done = run_real_faults(tmp_path, seed=1, operations=120, faults=("kill_worker", "stop", "empty", "restart"))

    assert {"kill_worker": 1, "stop": 1, "empty": 1, "restart": 1, "rests": 1}.items() <= done.items()
    assert done["seated"] > 40
    assert done["resumed"] > 0
    assert done["seats checked"] > 0
