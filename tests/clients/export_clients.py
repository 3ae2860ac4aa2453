#!/usr/bin/env python3
"""The real modelstore and the real ForML read what `modelfs export` writes of what they made themselves.

They are installed by pip into virtual environments (kept for the next run); without PyPI this is skipped.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import exporting  # noqa: E402
import mounted  # noqa: E402
from installed import Client, python_with  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
STORE = "operatorai-model-store"


def command(run, daemon, *arguments):
    done = daemon.command(*arguments)
    if done.returncode != 0:
        run.violation(f"modelfs {arguments[0]}: exit code {done.returncode}: {done.stderr}")


def check_modelstore(run, daemon, python):
    made = Client(run, python, "modelstore_store.py", run.path("made"))
    made.do("make")
    command(run, daemon, "import", run.path("made"), daemon.mount_point)
    for version, text in (("1.0", b"a"), ("1.1", b"b")):
        mounted.make_tree(run.path("tree-" + version), {"weights.txt": text})
        command(run, daemon, "put", run.path("tree-" + version), f"{daemon.mount_point}/native/{version}")
    root = run.path("modelstore")
    exporting.exported(run, daemon, "modelstore", [daemon.mount_point], root)
    for place, _, names in os.walk(f"{run.path('made')}/{STORE}"):
        for name in names:
            there = f"{root}/{os.path.relpath(place, run.path('made'))}/{name}"
            wanted = mounted.content_of(f"{place}/{name}").replace(run.path("made").encode(), root.encode())
            if mounted.content_of(there) != wanted:
                run.violation(f"{there}: other bytes than what modelstore wrote")
    reader = Client(run, python, "modelstore_store.py", root)
    reader.do("reread")
    reader.do("native", "native")
    reader.do("more")
    return made.operations + reader.operations


def check_forml(run, daemon, python):
    made = Client(run, python, "forml_life.py", run.path("registry"))
    os.mkdir(run.path("registry"))
    made.do("life")
    command(run, daemon, "import", run.path("registry"), daemon.mount_point)
    exporting.exported(run, daemon, "forml", [f"{daemon.mount_point}/hello"], run.path("forml"))
    for place, directories, names in os.walk(run.path("registry")):
        directories[:] = [name for name in directories if name != ".stage"]
        for name in names:
            there = f"{run.path('forml')}/{os.path.relpath(place, run.path('registry'))}/{name}"
            if mounted.content_of(there) != mounted.content_of(f"{place}/{name}"):
                run.violation(f"{there}: other bytes than what ForML wrote")
    reader = Client(run, python, "forml_life.py", run.path("forml"))
    reader.do("reread")
    return made.operations + reader.operations


def body(run, options):
    modelstore = python_with(options.modelstore_venv, "modelstore")
    forml = python_with(options.forml_venv, "forml")
    daemon = run.daemon("store")
    daemon.start()
    counts = check_modelstore(run, daemon, modelstore), check_forml(run, daemon, forml)
    daemon.stop()
    print(f"{counts[0]} operations of modelstore 0.0.81, {counts[1]} of ForML 0.93")


def add_options(parser):
    parser.add_argument("--modelstore-venv", default=os.path.join(HERE, "../../build/modelstore-venv"))
    parser.add_argument("--forml-venv", default=os.path.join(HERE, "../../build/forml-venv"))


mounted.program(__doc__, add_options, body)
