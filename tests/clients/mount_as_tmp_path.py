"""A plugin for pytest: each test's `tmp_path` is a mount of its own, with an empty store; or the domain $MODELFS_DOMAIN in one."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

# Last: a test there is called as the client that is tested here.
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402


@pytest.fixture
def tmp_path():
    place = tempfile.mkdtemp(prefix="modelfs-suite-")
    daemon = mounted.Daemon(os.environ["MODELFS"], place + "/store", place + "/mnt", place + "/log")
    try:
        daemon.start()
        root = pathlib.Path(daemon.mount_point) / os.environ.get("MODELFS_DOMAIN", "")
        root.mkdir(exist_ok=True)
        yield root
        daemon.stop()
    finally:
        daemon.kill()
        shutil.rmtree(place)
