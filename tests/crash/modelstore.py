#!/usr/bin/env python3
"""kill -9 of the daemon while clients of modelstore's layout upload and delete: after each death every model is there whole, as it was
acknowledged, or not at all. Every call is one of its client's.
"""

import errno
import gzip
import io
import json
import multiprocessing
import os
import random
import tarfile
import time

import mounted

P = "operatorai-model-store"
context = multiprocessing.get_context("fork")


def archive(seed, model):
    """A model's files, and the archive of them; a large one is a blob file."""
    chance = random.Random(f"{seed}/{model}")
    files = {"model-info.json": b'{"library": "sklearn"}', "model.joblib": chance.randbytes(chance.choice([500, 150_000]))}
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return files, out.getvalue()


def paths_of(root, model):
    domain = f"{root}/{P}/fraud"
    return (f"{domain}/2026.11.21-21.22.47/{model}/artifacts.tar.gz", f"{domain}/versions/{model}.json",
            f"{domain}/versions/modelstore-deleted/{model}.json")


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def live_until_killed(root, seed, worker, first, pipe):
    """Sends (what, model) before and after each upload and delete."""
    mounted.default_signals()
    chance, uploaded, number = random.Random(f"{seed}/{worker}/{first}"), [], first
    try:
        # Why: a dead mount is taken away, and absolute paths would go on in the directory below.
        os.chdir(root)
        while True:
            model = f"m{worker}-{number}"
            path, document, _ = paths_of(".", model)
            pipe.send(("uploads", model))
            write(path, archive(seed, model)[1])
            text = json.dumps({"model": {"domain": "fraud", "model_id": model, "model_type": {"library": "sklearn"}},
                               "storage": {"type": "file_system", "root": root, "path": f"{root}/{path[2:]}"}, "modelstore": "0.0.81"}).encode()
            write(document, text)
            pipe.send(("uploaded", model))
            write(f"{P}/domains/fraud.json", text)
            uploaded.append(model)
            if chance.random() < 0.4:
                gone = uploaded.pop(chance.randrange(len(uploaded)))
                path, document, tombstone = paths_of(".", gone)
                pipe.send(("deletes", gone))
                os.unlink(path)
                with open(document, "rb") as file:
                    write(tombstone, file.read())
                os.unlink(document)
                pipe.send(("deleted", gone))
            number += 1
    except OSError as error:
        said = errno.errorcode.get(error.errno, str(error.errno)) + f" {error.filename or 'close of a file'}"
        try:
            os.statvfs(".")  # stat may be cached
        except OSError as gone:
            # makedirs() takes a directory that it cannot look at any more for none.
            said = errno.errorcode.get(gone.errno, str(gone.errno))
        pipe.send(("end", said))


class Life:
    """What must be there after each death."""

    def __init__(self, run, workers):
        self.run, self.workers = run, workers
        self.daemon = run.daemon("store")
        self.there, self.gone = set(), set()
        self.next_number = [0] * workers
        self.figures = {"kills": 0, "uploads acknowledged": 0, "deletes acknowledged": 0, "under way": 0}

    def cycle(self, limit_s):
        pipes, children = [], []
        for worker in range(self.workers):
            ours, theirs = context.Pipe(duplex=False)
            child = context.Process(target=live_until_killed, daemon=True, args=(
                self.daemon.mount_point, self.run.seed, worker, self.next_number[worker], theirs))
            child.start()
            theirs.close()
            pipes.append(ours)
            children.append(child)
        moment = self.run.random.uniform(0, limit_s)
        pipes[0].poll(moment)
        time.sleep(moment)  # what is waited for is the random moment itself
        self.daemon.kill()
        self.figures["kills"] += 1
        under_way = [self.drain(worker, pipe) for worker, pipe in enumerate(pipes)]
        for child in children:
            child.join(mounted.END_LIMIT_S)
        self.daemon.start()
        self.check([each for each in under_way if each])

    def drain(self, worker, pipe):
        """Returns what was under way: (what, model)."""
        under_way = None
        try:
            while True:
                if not pipe.poll(mounted.END_LIMIT_S):
                    raise mounted.Violation("a client hangs though the daemon is dead")
                what, model = pipe.recv()
                if what == "end":
                    if model.split()[0] not in ("ENOTCONN", "ECONNABORTED"):
                        raise mounted.Violation(f"a client ended with {model}")
                    return under_way
                if what == "uploads":
                    self.next_number[worker] = int(model.split("-")[1]) + 1
                if what == "uploaded":
                    self.there.add(model)
                    self.figures["uploads acknowledged"] += 1
                if what == "deleted":
                    self.there.remove(model)
                    self.gone.add(model)
                    self.figures["deletes acknowledged"] += 1
                under_way = (what, model) if what in ("uploads", "deletes") else None
        except EOFError:
            return under_way

    def check(self, under_way):
        root = self.daemon.mount_point
        domain = f"{root}/{P}/fraud"
        listed = set()
        if os.path.isdir(f"{domain}/versions"):
            listed = {name[:-5] for name in os.listdir(f"{domain}/versions") if name.endswith(".json")}
        native = {name for name in os.listdir(f"{root}/fraud") if "." not in name and name != "latest"} if os.path.isdir(f"{root}/fraud") else set()
        if listed != native:
            raise mounted.Violation(f"listed here only: {listed - native}, there only: {native - listed}")
        for what, model in under_way:
            self.figures["under way"] += 1
            if model in listed:
                self.there.add(model)
            else:
                self.there.discard(model)
                if what == "deletes":
                    self.gone.add(model)
        if listed != self.there:
            raise mounted.Violation(f"lost: {self.there - listed}, back: {listed - self.there}")
        for model in sorted(listed):
            files, bytes_of = archive(self.run.seed, model)
            with open(f"{domain}/versions/{model}.json", encoding="utf-8") as file:
                path = json.load(file)["storage"]["path"]
            if mounted.content_of(path) != bytes_of:
                raise mounted.Violation(f"{path}: other bytes than those that were uploaded")
            if wrong := mounted.difference(f"{root}/fraud/{model}", files):
                raise mounted.Violation(wrong)
        for model in self.gone:
            if not os.path.exists(paths_of(root, model)[2]):
                raise mounted.Violation(f"{model} was deleted and has no tombstone")


def body(run, options):
    life = Life(run, options.workers)
    life.daemon.start()
    for _ in range(options.kills):
        life.cycle(options.moment)
    report = life.daemon.json("verify")
    if report["problem_count"]:
        run.violation(f"verify: {report['problems']}")
    life.daemon.stop()
    print(", ".join(f"{what}: {count}" for what, count in life.figures.items()))


def add_options(parser):
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--moment", type=float, default=0.6, help="a kill comes within so many seconds")


mounted.program(__doc__, add_options, body)
