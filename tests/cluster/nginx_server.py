"""A real nginx for a test, with the very file that docs/deploy gives for two machines.

Also a program, which `make test` runs to get one:

    python -m tests.cluster.nginx_server --install STAMP    get nginx if there is none; touch STAMP once there is
    python -m tests.cluster.nginx_server --report           say in one line that its tests were skipped, if so

It is unpacked into the virtual environment, not installed: Debian's package would start a web server on port 80.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.server_process import ROOT
from tests.system_packages import provide, unpack_with_apt

SKIPPED = "SKIPPED: the tests behind a proxy, for want of nginx on the path"
UNPACKED = ROOT / ".venv" / "nginx"
START_TIMEOUT_S = 20.0

#: around the file of docs/deploy: everything that nginx would write stays in a folder of the test's
_MAIN = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/machines.conf;
}}
"""


def find_nginx() -> str | None:
    """Return the path of an nginx."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or shutil.which(UNPACKED / "usr/sbin/nginx")


class NginxServer:
    """nginx with docs/deploy/nginx-machines.conf on a port of its own.

    Args:
        folder: for what it writes.
        port: to listen on.
        machines: the names that the file has for the machines -> their ports here.
    """

    def __init__(self, folder: Path, port: int, machines: Mapping[str, int]) -> None:
        text = (ROOT / "docs/deploy/nginx-machines.conf").read_text(encoding="utf-8")
        for name, machine_port in machines.items():
            text = text.replace(f"{name}:8888", f"127.0.0.1:{machine_port}")
        folder.mkdir()
        (folder / "machines.conf").write_text(text.replace("listen 80;", f"listen 127.0.0.1:{port};"))
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
        program = find_nginx()
        assert program is not None
        self.port, self._log = port, folder / "error.log"
        self._process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        )
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._listens():
            assert time.monotonic() < deadline_s, self.log
            assert self._process.poll() is None, self.log
            time.sleep(0.02)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True

    @property
    def log(self) -> str:
        """What it has complained about."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def stop(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


def install_nginx() -> None:
    """Unpack it where find_nginx looks."""
    with tempfile.TemporaryDirectory() as folder:
        unpack_with_apt("nginx", Path(folder), UNPACKED)


if __name__ == "__main__":
    sys.exit(provide("nginx", SKIPPED, find_nginx, install_nginx))
