"""A plugin for pytest: each test's `tmp_path` is a mount of its own, with an empty store."""

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
        yield pathlib.Path(daemon.mount_point)
        daemon.stop()
    finally:
        daemon.kill()
        shutil.rmtree(place)
