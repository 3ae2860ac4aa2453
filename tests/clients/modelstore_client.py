#!/usr/bin/env python3
"""The real modelstore on a real mount: a life of its store by its own library; then it and the real ForML at once on one mount, with
readers that look at every file.

They are installed by pip into virtual environments (kept for the next run); without PyPI this is skipped.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402
from installed import Client, python_with  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


# Metadata that modelstore itself does not read.
ODD = ({"accuracy": 0.97}, {"model": "x", "code": None}, {"code": {"created": "yesterday"}}, {"model": {"domain": 3}, "storage": []},
       {"source": {"mlflow": {"name": "churn", "version": 3, "tags": {"a": "b"}}}})


def publish(run, daemon, version, metadata=None):
    mounted.make_tree(run.path("tree-" + version), {"weights.txt": version.encode()})
    arguments = ["put", run.path("tree-" + version), f"{daemon.mount_point}/native/{version}"]
    if metadata is not None:
        mounted.write_file(run.path(version + ".json"), json.dumps(metadata).encode())
        arguments += ["--metadata", run.path(version + ".json")]
    done = daemon.command(*arguments)
    if done.returncode != 0:
        run.violation(f"put: exit code {done.returncode}: {done.stderr}")


def live_together(run, daemon, store, forml, options):
    """Uploads, trainings, deletes, and readers that poll; what is left is exactly what was made."""
    store.do("prepare")
    forml.do("prepare")
    stop = run.path("stop")
    total = options.trainers * options.generations
    readers = [store.start("poll", stop) for _ in range(options.pollers)] + [forml.start("poll", total)]
    trainers = [forml.start("train", options.generations) for _ in range(options.trainers)]
    workers = [store.start("work", options.models) for _ in range(options.workers)]
    worked = [store.finish(each, "a worker").get("worked", [{}, 0]) for each in workers]
    trained = [forml.finish(each, "a trainer").get("trained", [0, 0]) for each in trainers]
    mounted.write_file(stop, b"")
    if sum(each[0] for each in trained) < total:
        readers[-1].terminate()
    polled = [store.finish(each, "a reader").get("polled", [0, 0]) for each in readers[:-1]]
    states = forml.finish(readers[-1], "a reader of generations").get("polled", 0)
    live = {model: slope for models, _ in worked for model, slope in models.items()}
    store.do("check", json.dumps(live))
    daemon.stop()
    daemon.start()
    store.do("check", json.dumps(live))
    native = sorted(name for name in os.listdir(f"{daemon.mount_point}/crowd") if name.startswith("m-") and "." not in name)
    if native != sorted(live):
        run.violation(f"the domain's directory has other releases than its users made: {set(native) ^ set(live)}")
    return (f"{len(live)} models left of {options.workers * options.models} uploads and {sum(each[1] for each in worked)} deletes, "
            f"{total} generations ({sum(each[1] for each in trained)} times too late); readers loaded {sum(each[0] for each in polled)} models, "
            f"looked at {sum(each[1] for each in polled)} files and {states} generations")


def domains_of(daemon):
    return {name: sorted(os.listdir(f"{daemon.mount_point}/{name}")) for name in os.listdir(daemon.mount_point)
            if name[0] not in ".o" and os.path.isdir(f"{daemon.mount_point}/{name}")}  # its own view is listed where it was used


def body(run, options):
    python, forml_python = python_with(options.modelstore_venv, options.requirements), python_with(options.forml_venv, "forml")
    daemon = run.daemon("store")
    if options.hosts == 2:
        daemon.share()
        daemon.options = "follow=100"
    daemon.start()
    store = Client(run, python, "modelstore_life.py", daemon.mount_point)
    store.do("life")
    daemon.stop()
    daemon.start()
    store.do("reread")
    publish(run, daemon, "1.0")
    publish(run, daemon, "1.1")
    for number, metadata in enumerate(ODD):
        publish(run, daemon, f"2.{number}", metadata)
    store.do("native", "native", 2 + len(ODD))
    other = daemon
    if options.hosts == 2:
        other = run.daemon("other")
        other.remote, other.options = daemon.remote, daemon.options
        other.start()
    forml = Client(run, forml_python, "forml_life.py", other.mount_point)
    together = live_together(run, daemon, store, forml, options)
    if other is not daemon:
        reader = Client(run, python, "modelstore_life.py", other.mount_point)
        mounted.wait_for(lambda: domains_of(other) == domains_of(daemon), "the other host has what modelstore did")
        reader.do("native", "native", 1 + len(ODD))  # one was deleted
        other.stop()
    daemon.stop()
    problems = daemon.json("verify")
    if problems.get("problems"):
        run.violation(f"verify: {problems['problems']}")
    print(f"{options.requirements}: {store.operations} operations, ForML 0.93: {forml.operations}; {together}")


def add_options(parser):
    parser.add_argument("--modelstore-venv", default=os.path.join(HERE, "../../build/modelstore-venv"))
    parser.add_argument("--requirements", default="modelstore", help="what is installed: that of requirements-<this>.txt")
    parser.add_argument("--forml-venv", default=os.path.join(HERE, "../../build/forml-venv"))
    parser.add_argument("--hosts", type=int, choices=[1, 2], default=1,
                        help="2: they share a registry, in a directory or in MODELFS_TEST_S3; modelstore is on one, ForML on the other")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--models", type=int, default=12, help="that each worker uploads")
    parser.add_argument("--trainers", type=int, default=2)
    parser.add_argument("--generations", type=int, default=8, help="of each trainer")
    parser.add_argument("--pollers", type=int, default=2)


mounted.program(__doc__, add_options, body)
