#!/usr/bin/env python3
"""A generation of ForML, committed beside many models of modelstore in the same registry.

ForML lists the whole registry for it: each name in each domain is looked at by stat(2), the releases and their faces too. Each round times, in
turns (who comes first alternates), a trainer of its own process that commits generations: in the mount, and in a directory of the disk
with the same names. Both registries have the same models.
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "clients"))
import installed  # noqa: E402
from installed import mounted  # noqa: E402


def archive():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.joblib")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"abcd"))
    return out.getvalue()


def upload(root, model, data):
    """What modelstore's client writes for a model."""
    where = f"{root}/operatorai-model-store/crowd/2026.11.21-21.22.47/{model}"
    os.makedirs(where)
    mounted.write_file(f"{where}/artifacts.tar.gz", data)
    os.makedirs(f"{root}/operatorai-model-store/crowd/versions", exist_ok=True)
    document = (f'{{"model": {{"domain": "crowd", "model_id": "{model}", "model_type": {{"library": "sklearn"}}}}, "storage": {{"type": '
                f'"file_system", "root": "{root}", "path": "{where}/artifacts.tar.gz"}}, "modelstore": "0.0.82"}}')
    mounted.write_file(f"{root}/operatorai-model-store/crowd/versions/{model}.json", document.encode())


def mirror(source, target):
    """The same names on the disk: directories, and empty files."""
    for directory, names, files in os.walk(source):
        names[:] = [name for name in names if name != ".modelfs"]
        here = os.path.join(target, os.path.relpath(directory, source))
        os.makedirs(here, exist_ok=True)
        for name in files:
            mounted.write_file(os.path.join(here, name), b"")


def step(python, root, what, *arguments):
    """Seconds of a step of tests/clients/forml_life.py that are not the interpreter's start."""
    home = os.path.join(os.path.dirname(root), "home")
    os.makedirs(home, exist_ok=True)
    environment = {**os.environ, "HOME": home, "FORML_HOME": home + "/.forml", "TMPDIR": home, "PYTHONDONTWRITEBYTECODE": "1"}
    begin = time.monotonic()
    subprocess.run([python, os.path.join(HERE, "../clients/forml_life.py"), root, what, *map(str, arguments)], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment, cwd=home)
    return time.monotonic() - begin


def body(run, options):
    python = installed.python_with(os.path.abspath(options.venv), "forml")
    daemon = run.daemon("store")
    daemon.start()
    data = archive()
    for _ in range(options.models):
        upload(daemon.mount_point, uuid.uuid4(), data)
    disk = run.path("disk")
    mirror(daemon.mount_point, disk)
    roots = {"modelfs": daemon.mount_point, "the disk": disk}
    for root in roots.values():
        step(python, root, "prepare")
    taken = {name: [] for name in roots}
    for turn in range(options.rounds):
        order = list(roots.items())
        for name, root in order if turn % 2 == 0 else reversed(order):
            idle = step(python, root, "train", 0)
            taken[name].append((step(python, root, "train", options.generations) - idle) / options.generations)
    ratios = sorted(mine / disk for mine, disk in zip(taken["modelfs"], taken["the disk"]))
    rows = [[name, *(f"{pick(each) * 1000:.0f}" for pick in (min, lambda all: sorted(all)[len(all) // 2], max))] for name, each in taken.items()]
    mounted.table(rows, [f"a generation beside {options.models} models, ms", "least", "median", "most"])
    print(f"modelfs / the disk: median {ratios[len(ratios) // 2]:.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f}")
    shutil.rmtree(disk)


def add_options(parser):
    parser.add_argument("--venv", default=os.path.join(HERE, "../../build/forml-venv"))
    parser.add_argument("--models", type=int, default=1800)
    parser.add_argument("--generations", type=int, default=5, help="in each round")
    parser.add_argument("--rounds", type=int, default=5)


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
