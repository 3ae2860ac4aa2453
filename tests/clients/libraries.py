#!/usr/bin/env python3
"""Models of scikit-learn, xgboost, lightgbm, onnx, safetensors and joblib: uploaded, loaded and downloaded by modelstore, and read
by path, on a real mount."""

import os

import installed
from installed import mounted  # its directory is on the path then

OPERATIONS_MIN = 9


def add_options(parser):
    parser.add_argument("--venv", required=True, help="where they are installed, or will be")


def body(run, options):
    python = installed.python_with(os.path.abspath(options.venv), "libraries")
    daemon = run.daemon("store")
    daemon.start()
    client = installed.Client(run, python, "libraries_life.py", daemon.mount_point)
    client.do("all")
    print(f"{client.operations} operations")
    if client.operations < OPERATIONS_MIN:
        run.violation("some have not been tried")
    daemon.stop()


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
