#!/usr/bin/env python3
"""The real ForML on a real mount: a life of its registry by its own library, then trainers at once with readers that poll.
And with a store that ends with its mount, as the registry of ForML's provider `volatile` ends with its process.

It is installed by pip into a virtual environment (--venv, kept for the next run); without PyPI this is skipped.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402
from installed import Client, python_with  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def source_of(mount_point):
    """Where the store of a mount lies."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return next(line.split(" - ", 1)[1].split()[1] for line in table if line.split()[4] == mount_point)


def check_volatile(run, python):
    """All of it works, in memory, and nothing of it is left."""
    daemon = run.daemon("volatile")
    daemon.volatile = True
    daemon.start()
    client = Client(run, python, "forml_life.py", daemon.mount_point)
    client.do("life")
    client.do("reread")
    store = source_of(os.path.realpath(daemon.mount_point))
    kind = subprocess.run(["stat", "-f", "-c", "%T", store], capture_output=True, text=True, check=True).stdout.strip()
    if kind != "tmpfs":
        run.violation(f"the volatile store {store} lies on {kind}")
    daemon.stop()
    if os.path.exists(store):
        run.violation(f"the volatile store {store} is left: {os.listdir(store)}")
    daemon.start()
    if left := os.listdir(daemon.mount_point):
        run.violation(f"a new volatile store holds {left}")
    client.do("life")
    daemon.stop()
    return client.operations


def body(run, options):
    python = python_with(options.venv, "forml")
    daemon = run.daemon("store")
    daemon.start()
    client = Client(run, python, "forml_life.py", daemon.mount_point)
    client.do("life")
    client.do("prepare")
    trainers, generations, pollers = options.trainers, options.generations, options.pollers
    total = trainers * generations
    polling = [client.start("poll", total) for _ in range(pollers)]
    training = [client.start("train", generations) for _ in range(trainers)]
    made = [client.finish(process, "a trainer").get("trained", [0, 0]) for process in training]
    if sum(each[0] for each in made) < total:
        for process in polling:
            process.terminate()
    reads = [client.finish(process, "a reader").get("polled", 0) for process in polling]
    numbers = sorted(int(name) for name in os.listdir(f"{daemon.mount_point}/busy/1.0") if name.isdigit())
    if numbers != list(range(1, total + 1)):
        run.violation(f"{total} generations were made, and there are {numbers}")
    left = os.listdir(f"{daemon.mount_point}/busy/1.0/.stage")
    if left:
        run.violation(f"states are left over: {left}")
    daemon.stop()
    daemon.start()
    client.finish(client.start("poll", total), "a reader after a restart")
    daemon.stop()
    problems = daemon.json("verify")
    if problems.get("problems"):
        run.violation(f"verify: {problems['problems']}")
    in_memory = check_volatile(run, python)
    print(f"ForML 0.93: {client.operations} operations, {in_memory} with a volatile store; {total} generations by {trainers} trainers, "
          f"{sum(each[1] for each in made)} times too late, {sum(reads)} whole reads by {pollers} readers meanwhile")


def add_options(parser):
    parser.add_argument("--venv", default=os.environ.get("MODELFS_FORML_VENV", os.path.join(HERE, "../../build/forml-venv")))
    parser.add_argument("--trainers", type=int, default=3)
    parser.add_argument("--generations", type=int, default=10, help="of each trainer")
    parser.add_argument("--pollers", type=int, default=2)


mounted.program(__doc__, add_options, body)
