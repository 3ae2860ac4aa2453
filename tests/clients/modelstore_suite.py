#!/usr/bin/env python3
"""modelstore's own tests of its file system storage, which its package brings along, with a mount, or a domain of one, as the root directory.

Each test gets a mount of its own (mount_as_tmp_path.py).
"""

import os
import re
import subprocess
import sys

import installed
from installed import mounted  # its directory is on the path then

SUITES = ["storage/test_local.py", "storage/test_blob_storage.py", "storage/test_blob_storage_artifacts.py",
          "storage/test_blob_storage_meta_data.py", "storage/test_blob_storage_states.py", "storage/states", "storage/util"]
TESTS_MIN = 60  # of modelstore 0.0.81 and 0.0.82


def add_options(parser):
    parser.add_argument("--venv", required=True, help="where modelstore is installed, or will be")
    parser.add_argument("--domain", default="", help="the domain that is the root directory, instead of the mount")
    parser.add_argument("--requirements", default="modelstore", help="what is installed: that of requirements-<this>.txt")


def body(run, options):
    python = installed.python_with(os.path.abspath(options.venv), options.requirements)
    where = subprocess.run([python, "-c", "import tests; print(tests.__path__[0])"], check=True, capture_output=True, text=True,
                           cwd=run.directory).stdout.strip()
    environment = {**os.environ, "MODELFS": run.binary, "PYTHONPATH": installed.HERE, "TMPDIR": run.directory, "MODELFS_DOMAIN": options.domain,
                   "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([python, "-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "mount_as_tmp_path", "-p", "no:cacheprovider",
                           *(os.path.join(where, suite) for suite in SUITES)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, cwd=run.directory, check=False)
    print("\n".join(done.stdout.splitlines()[-40:]))
    passed = re.search(r"(\d+) passed", done.stdout)
    if done.returncode != 0 or passed is None or int(passed[1]) < TESTS_MIN:
        run.violation(f"pytest ended with {done.returncode}: {done.stderr[-2000:]}")


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
