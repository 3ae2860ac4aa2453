#!/usr/bin/env python3
"""Kills the daemon: at every disk-changing system call of one commit, and at random moments of a publishing loop.

Exhaustive. A store is prepared once: a release, and a draft of two large files, three small ones, one that equals a file of
the release (its blob exists), one with holes, an empty one, an executable, a symlink and directories. The commit (a rename) of
that draft is run once under strace, which gives the list of its disk-changing calls in each thread. Then, for each of them, a
fresh copy of the store is served, strace is attached to the threads of that kind and sends SIGKILL at the entry of that call:
the call itself is not carried out. After each: the release is wholly there or wholly absent with its draft intact; if the
rename had returned it is there; after gc there is no file in the store that nothing needs; an absent release can be published.

Random. Publishers (by rename, of generations, through the socket) work until the daemon is killed at a random moment, now and
then a second time while it starts. After each: every acknowledged release is there byte for byte, nothing else is, but for
commits that were under way: they are there whole, or their draft is.
"""

import errno
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import threading
import time

import mounted

context = multiprocessing.get_context("fork")

# What can change a disk. openat is watched because it can create; it counts only where it may.
CALLS = ("write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,syncfs,link,linkat,unlink,unlinkat,rename,renameat,"
         "renameat2,mkdir,mkdirat,rmdir,symlink,symlinkat,ftruncate,truncate,fallocate,fchmod,fchmodat,fchown,fchownat,utimensat,"
         "setxattr,fsetxattr,copy_file_range,sendfile,openat")
COMMIT_LIMIT_S = 30


def rename_in_child(source, target):
    """Renames in a process of its own, for it may never return. Returns (process, pipe); the pipe gets the errno or 0."""
    ours, theirs = context.Pipe(duplex=False)

    def child():
        mounted.default_signals()
        try:
            os.rename(source, target)
            theirs.send(0)
        except OSError as error:
            theirs.send(error.errno)

    process = context.Process(target=child, daemon=True)
    process.start()
    theirs.close()
    return process, ours


def threads_of(pid):
    """kind ("slow", "sweep") -> thread ids."""
    kinds = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="utf-8") as name:
            kinds.setdefault(re.sub(r"-\d+$", "", name.read().strip()), []).append(int(thread))
    return kinds


class Strace:
    """strace on these threads, from when it is made."""

    def __init__(self, threads, log, *options):
        self.log = log
        self.threads = threads
        attach = [text for thread in threads for text in ("-p", str(thread))]
        self.process = subprocess.Popen(["strace", "-y", "-s", "0", "-o", log, "-e", f"trace={CALLS}", *options, *attach],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.drain = None
        self.complaint = ""

    def attached(self):
        """False: it may not attach here."""
        def all_traced():
            if self.process.poll() is not None:
                return True
            return all(_tracer(thread) == self.process.pid for thread in self.threads)

        mounted.wait_for(all_traced, "strace is attached")
        if self.process.poll() is not None:
            self.complaint = self.process.stderr.read()
            return False
        self.drain = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.drain.start()
        return True

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(mounted.END_LIMIT_S)
        if self.drain:
            self.drain.join()

    def lines(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read().splitlines()


def _tracer(thread):
    try:
        with open(f"/proc/{thread}/status", encoding="utf-8") as status:
            return int(re.search(r"^TracerPid:\s+(\d+)", status.read(), re.MULTILINE).group(1))
    except OSError:
        return -1


class Call:
    """One system call in a log of strace."""

    LINE = re.compile(r"^(?:(\d+) +)?(\w+)\((.*)$")

    def __init__(self, thread, name, arguments):
        self.thread, self.name, self.arguments = thread, name, arguments

    @staticmethod
    def parse(lines):
        calls = []
        for line in lines:
            if found := Call.LINE.match(line):
                calls.append(Call(int(found.group(1) or 0), found.group(2), found.group(3)))
        return calls

    def changes(self, store):
        """Whether it changes what lies in `store`."""
        if self.name == "openat" and not re.search(r"O_CREAT|O_TRUNC", self.arguments):
            return False
        return f"<{store}/" in self.arguments or f"<{store}>" in self.arguments

    def place(self, store):
        found = re.search(r"<" + re.escape(store) + r"/?([^>]*)>", self.arguments)
        place = re.sub(r"/[0-9a-f]{2}$", "/xx", found.group(1)) if found else "?"
        return re.sub(r"\d{6}", "NNNNNN", place) or "."


# Exhaustive.


def draft_content(chance):
    large = chance.randbytes(300_000)
    return {"weights.bin": large, "embeddings.bin": chance.randbytes(100_000), "config.json": b'{"a": 1}',
            "vocabulary.txt": chance.randbytes(2_000), "sub/dir/labels": chance.randbytes(70), "empty": b"",
            "again.bin": chance.randbytes(80_000)}


def make_draft(root, files):
    mounted.make_tree(root, files)
    with open(f"{root}/sparse.bin", "wb", buffering=0) as sparse:  # 1 MiB with 8 KiB of data
        sparse.write(b"a" * 4096)
        sparse.seek((1 << 20) - 4096)
        sparse.write(b"z" * 4096)
    mounted.write_file(f"{root}/sub/run.sh", b"#!/bin/sh\n")
    os.chmod(f"{root}/sub/run.sh", 0o755)
    os.chmod(f"{root}/config.json", 0o640)
    os.symlink("sub/run.sh", f"{root}/link")
    os.mkdir(f"{root}/hollow")
    for number, name in enumerate(["weights.bin", "config.json", "sub/run.sh", "sub/dir", "hollow"]):
        os.utime(f"{root}/{name}", ns=(1_500_000_000_000_000_000 + number, 1_500_000_000_123_456_789 + number))


SPARSE_BYTES_ON_DISK_MAX = 64 * 1024


def prepare(run):
    """Returns what the draft looks like and holds; the store is stopped."""
    daemon = run.daemon("prepared")
    daemon.start()
    domain = f"{daemon.mount_point}/d"
    os.mkdir(domain)
    files = draft_content(run.random)
    old = {"again.bin": files["again.bin"], "old.txt": b"of an older release"}
    mounted.make_tree(f"{domain}/.stage/old", old)
    os.rename(f"{domain}/.stage/old", f"{domain}/v0")
    make_draft(f"{domain}/.stage/x", files)
    draft = mounted.attributes_of(f"{domain}/.stage/x")
    everything = mounted.files_of(f"{domain}/.stage/x")
    if os.stat(f"{domain}/.stage/x/sparse.bin").st_blocks * 512 > SPARSE_BYTES_ON_DISK_MAX:
        run.violation("the sparse file is not sparse in the draft")
    mounted.wait_for(lambda: mounted.wrong_draft_files(daemon.store, f"{domain}/.stage") == ([], []), "the older release is swept")
    daemon.stop()
    return draft, everything, old


def as_published(draft):
    """What a release shows of a draft: files with its x and the domain's r, directories with the domain's mode."""
    shown = {}
    for path, (kind, mode, mtime, value) in draft.items():
        if kind == stat.S_IFREG:
            mode = mode & 0o111 | 0o444
        shown[path] = (kind, 0 if kind == stat.S_IFDIR else mode, mtime, value)
    return shown


def without_directory_modes(attributes):
    return {path: (kind, 0 if kind == stat.S_IFDIR else mode, mtime, value) for path, (kind, mode, mtime, value) in attributes.items()}


class Checker:
    """What must hold after every kill of the exhaustive part."""

    def __init__(self, run, prepared):
        self.run = run
        self.draft, self.files, self.old = prepared

    def check_release(self, domain):
        shown = without_directory_modes(mounted.attributes_of(f"{domain}/v1"))
        expected = as_published(self.draft)
        if shown != expected:
            wrong = sorted(path for path in shown.keys() | expected.keys() if shown.get(path) != expected.get(path))
            raise mounted.Violation(f"the release differs in {[(path, expected.get(path), shown.get(path)) for path in wrong][:3]}")
        if os.stat(f"{domain}/v1/sparse.bin").st_blocks * 512 > SPARSE_BYTES_ON_DISK_MAX:
            raise mounted.Violation("the sparse file is not sparse any more")
        if os.readlink(f"{domain}/latest") != "v1":
            raise mounted.Violation("latest is not v1")

    def check_draft(self, domain):
        shown = mounted.attributes_of(f"{domain}/.stage/x")
        if shown != self.draft:
            wrong = sorted(path for path in shown.keys() | self.draft.keys() if shown.get(path) != self.draft.get(path))
            raise mounted.Violation(f"the draft differs in {[(path, self.draft.get(path), shown.get(path)) for path in wrong][:3]}")
        if os.readlink(f"{domain}/latest") != "v0":
            raise mounted.Violation("latest is not v0")

    def check_store(self, daemon, domain, present):
        """After gc: what is there is what is needed."""
        daemon.json("gc")
        contents = [*self.old.values(), *(self.files.values() if present else [])]
        if (blobs := mounted.blob_files(daemon.store)) != (needed := mounted.large_blobs(contents)):
            raise mounted.Violation(f"after gc: {len(blobs - needed)} orphans in blobs/, {len(needed - blobs)} missing")
        mounted.check_draft_files(daemon.store, f"{domain}/.stage")
        report = daemon.json("verify")
        different = {mounted.digest(content) for content in contents}
        if report["problem_count"] != 0 or report["blobs"] != len(different):
            raise mounted.Violation(f"verify: {report['blobs']} blobs instead of {len(different)}, problems: {report['problems']}")
        if (again := daemon.json("gc"))["blobs_removed"] != 0:
            raise mounted.Violation(f"a second gc still found something: {again}")

    def check(self, daemon, acknowledged):
        """Returns whether the release is there."""
        domain = f"{daemon.mount_point}/d"
        if wrong := mounted.difference(f"{domain}/v0", self.old):
            raise mounted.Violation(f"the older release: {wrong}")
        present = os.path.lexists(f"{domain}/v1")
        there = os.path.lexists(f"{domain}/.stage/x")
        if present == there:
            raise mounted.Violation(f"release there: {present}, draft there: {there}")
        if acknowledged and not present:
            raise mounted.Violation("the rename had returned 0, and the release is not there")
        if present:
            self.check_release(domain)
        else:
            self.check_draft(domain)
        self.check_store(daemon, domain, present)
        if not present:
            os.rename(f"{domain}/.stage/x", f"{domain}/v1")
            self.check_release(domain)
            mounted.wait_for(lambda: not mounted.draft_files(daemon.store), "the draft is swept")
            self.check_store(daemon, domain, True)
        return present


def fresh_daemon(run):
    """Serves a fresh copy of the prepared store."""
    daemon = run.daemon("work")
    shutil.rmtree(daemon.store, ignore_errors=True)
    subprocess.run(["cp", "-a", run.path("prepared"), daemon.store], check=True)
    daemon.start()
    return daemon


def list_calls(run, daemon):
    """Runs the commit once. Returns kind of thread -> its calls, and the seconds of the commit."""
    kinds = threads_of(daemon.pid)
    kind_of = {thread: kind for kind, threads in kinds.items() for thread in threads}
    strace = Strace(list(kind_of), run.path("count.strace"))
    if not strace.attached():
        mounted.skip(f"strace may not attach here: {strace.complaint.strip()}")
    os.rename(f"{daemon.mount_point}/d/.stage/x", f"{daemon.mount_point}/d/v1")
    mounted.wait_for(lambda: not mounted.draft_files(daemon.store), "the draft is swept")
    calls = {}

    def quiet():  # the last batch of the sweep comes after the files have gone
        found = Call.parse(strace.lines())
        was = calls.get("")
        calls[""] = len(found)
        return was == len(found)

    mounted.wait_for(quiet, "the daemon is quiet", pause_s=0.3)
    strace.end()
    del calls[""]
    for call in Call.parse(strace.lines()):
        calls.setdefault(kind_of[call.thread], []).append(call)
    return calls


def points_of(calls, store):
    """(kind of thread, how many calls of that name it has made by then, call): strace counts each name by itself, in each thread."""
    points = []
    for kind in calls:
        made = {}
        for call in calls[kind]:
            made[call.name] = made.get(call.name, 0) + 1
            if call.changes(store):
                points.append((kind, made[call.name], call))
    return points


def kill_at(run, kind, number, name, checker):
    """Kills at the `number`-th call of this name in a thread of this kind. Returns (acknowledged, present)."""
    daemon = fresh_daemon(run)
    strace = Strace(threads_of(daemon.pid)[kind], run.path("kill.strace"), "-e", f"inject={name}:signal=KILL:when={number}")
    strace.attached()
    renamer, pipe = rename_in_child(f"{daemon.mount_point}/d/.stage/x", f"{daemon.mount_point}/d/v1")
    try:
        code = daemon.process.wait(COMMIT_LIMIT_S)
    except subprocess.TimeoutExpired:
        seen = [call.name for call in Call.parse(strace.lines())]
        raise mounted.Violation(f"the daemon was not killed, though it called {seen}") from None
    strace.end()
    if code != -signal.SIGKILL:
        raise mounted.Violation(f"the daemon ended with {code}: {daemon.log_tail()}")
    detached = threading.Thread(target=mounted.detach, args=(daemon.mount_point,))
    detached.start()
    if not pipe.poll(COMMIT_LIMIT_S):
        raise mounted.Violation("the rename hangs though the daemon is dead")
    error = pipe.recv()
    renamer.join()
    detached.join()
    if error not in (0, errno.ENOTCONN, errno.ECONNABORTED):
        raise mounted.Violation(f"the rename said {errno.errorcode.get(error, error)}")
    daemon.start()
    present = checker.check(daemon, error == 0)
    daemon.stop()
    return error == 0, present


def exhaustive(run, options):
    if shutil.which("strace") is None:
        mounted.skip("no strace")
    prepared = prepare(run)
    checker = Checker(run, prepared)
    daemon = fresh_daemon(run)
    calls = list_calls(run, daemon)
    checker.check(daemon, True)
    daemon.stop()
    points = points_of(calls, daemon.store)
    counts = {"killed": 0, "acknowledged": 0, "present": 0, "absent": 0}
    rows = []
    for kind, number, call in points[::options.every]:
        title = f"{call.name} {call.place(daemon.store)}"
        try:
            acknowledged, present = kill_at(run, kind, number, call.name, checker)
            counts["killed"] += 1
            counts["acknowledged"] += acknowledged
            counts["present" if present else "absent"] += 1
            rows.append([f"  {kind} {title}", "there" if present else "absent", "acknowledged" if acknowledged else ""])
        except (mounted.Violation, TimeoutError, OSError) as violation:
            run.violation(f"killed at {kind} call {number}, {title}: {violation}")
            rows.append([f"  {kind} {title}", "VIOLATION"])
            daemon.kill()
            if len(run.violations) > 5:
                break
    if not points:
        run.violation("no disk-changing call was seen in a commit")
    return [["disk-changing calls of one commit and its sweep", len(points)], ["  killed at", counts["killed"]],
            ["  release there", counts["present"]],
            ["    of these acknowledged", counts["acknowledged"]], ["  release absent, draft intact", counts["absent"]], *rows]


# Random.


def loop_content(seed, publisher, number):
    """What a publisher publishes. Every third large file is the same for all, so that commits share blobs."""
    chance = random.Random(f"{seed}/{publisher}/{number}")
    files = {"model.txt": f"{publisher} {number}".encode(), "small.bin": chance.randbytes(chance.randrange(3000)),
             "sub/large.bin": chance.randbytes(chance.randrange(66_000, 200_000))}
    if number % 3 == 0:
        files["shared.bin"] = random.Random(f"{seed}/{number}").randbytes(90_000)
    return files


RENAME, GENERATION, PUT = "rename", "generation", "put"


def publish_until_killed(daemon, seed, publisher, way, first, pipe, stop):
    """Sends (what, number, detail): "ready" when a draft is complete, "done" when it is published. `stop` is for `modelfs put`,
    which needs no daemon: it opens the store itself where none runs."""
    mounted.default_signals()
    domain = f"{daemon.mount_point}/d"
    number = first
    try:
        while not stop.is_set():
            files = loop_content(seed, publisher, number)
            if way == PUT:
                source = f"{daemon.store}.put-{publisher}"
                shutil.rmtree(source, ignore_errors=True)
                mounted.make_tree(source, files)
                pipe.send(("ready", number, ""))
                done = daemon.command("put", source, f"d/p{publisher}-{number}", "--store", daemon.store)
                if done.returncode != 0:
                    return pipe.send(("end", number, done.stderr.strip()))
                pipe.send(("done", number, ""))
            else:
                draft = f"{domain}/.stage/p{publisher}-{number}"
                mounted.make_tree(draft, files)
                directory = os.open(draft, os.O_RDONLY)
                pipe.send(("ready", number, ""))
                os.rename(draft, f"{domain}/base/next" if way == GENERATION else f"{domain}/p{publisher}-{number}")
                # Acknowledged from here on, whatever becomes of the name.
                pipe.send(("done", number, ""))
                os.close(directory)
            number += 1
        pipe.send(("end", number, "stopped after the daemon had gone"))
    except OSError as error:
        pipe.send(("end", number, errno.errorcode.get(error.errno, str(error.errno))))


class Loop:
    """The publishing loop, and what must be there after each of its deaths."""

    def __init__(self, run, options):
        self.run = run
        self.daemon = run.daemon("loop")
        self.ways = [RENAME, RENAME, GENERATION, PUT]
        self.next_number = [0] * len(self.ways)
        self.releases = {}      # name -> (publisher, number)
        self.generations = {}   # (publisher, number) -> generation
        self.blobs = set()      # the names that must be in STORE/blobs
        self.figures = {"kills": 0, "while it started": 0, "acknowledged": 0, "under way": 0, "  of these there": 0,
                        "drafts found whole": 0, "drafts being written": 0, "start_max": 0.0}
        self.unlucky_starts = options.kill_starts

    def begin(self):
        self.daemon.start()
        domain = f"{self.daemon.mount_point}/d"
        os.mkdir(domain)
        mounted.make_tree(f"{domain}/.stage/base", {"model": b"base"})
        os.rename(f"{domain}/.stage/base", f"{domain}/base")

    def cycle(self, limit_s):
        """Publishes until the kill; then checks. The daemon runs before and after."""
        pipes, workers = [], []
        stop = context.Event()
        for publisher, way in enumerate(self.ways):
            ours, theirs = context.Pipe(duplex=False)
            worker = context.Process(target=publish_until_killed, daemon=True,
                                     args=(self.daemon, self.run.seed, publisher, way, self.next_number[publisher], theirs, stop))
            worker.start()
            theirs.close()
            pipes.append(ours)
            workers.append(worker)
        moment = self.run.random.uniform(0, limit_s)
        pipes[self.run.random.randrange(len(pipes))].poll(moment)  # the moment counts from somebody's first draft
        time.sleep(moment)  # what is waited for is the random moment itself
        self.daemon.kill()
        stop.set()
        self.figures["kills"] += 1
        states = [self.drain(pipe) for pipe in pipes]
        for worker in workers:
            worker.join(mounted.END_LIMIT_S)
            if worker.is_alive():
                raise mounted.Violation("a publisher hangs though the daemon is dead")
        self.restart()
        self.check(states)

    @staticmethod
    def drain(pipe):
        """Returns the acknowledged numbers, the number whose draft was complete, the one that was being written, and the end."""
        done, ready, writing, end = [], None, None, ""
        try:
            while True:
                if not pipe.poll(mounted.END_LIMIT_S):
                    raise mounted.Violation("a publisher hangs though the daemon is dead")
                what, number, detail = pipe.recv()
                if what == "ready":
                    ready = number
                elif what == "done":
                    done.append(number)
                    ready = None
                else:
                    end = detail
                    writing = number if ready is None else None
        except EOFError:
            return done, ready, writing, end

    def restart(self):
        if self.run.random.random() < self.unlucky_starts:
            self.daemon.launch()
            time.sleep(self.run.random.uniform(0, 0.1))  # again a random moment
            self.daemon.kill()
            self.figures["while it started"] += 1
        self.figures["start_max"] = max(self.figures["start_max"], self.daemon.start())

    def check(self, states):
        domain = f"{self.daemon.mount_point}/d"
        listed = {name for name in os.listdir(domain) if name not in ("latest", "base", ".stage")}
        staged = set(os.listdir(f"{domain}/.stage"))
        generations = self.read_generations(f"{domain}/base")
        for publisher, (done, ready, writing, end) in enumerate(states):
            if not re.search(r"ENOTCONN|ECONNABORTED|closed|ended|connection|Transport|reset|pipe|daemon|gone|ENOENT", end):
                raise mounted.Violation(f"publisher {publisher} ended with: {end}")
            for number in done:
                self.must_be_there(publisher, number, listed, generations, "acknowledged, and absent")
                self.figures["acknowledged"] += 1
            if ready is not None:
                self.check_under_way(publisher, ready, listed, staged, generations)
            if writing is not None and f"p{publisher}-{writing}" in staged:
                self.figures["drafts being written"] += 1
            self.next_number[publisher] = max([*done, ready if ready is not None else -1, writing if writing is not None else -1]) + 1
        if surplus := listed - self.releases.keys():
            raise mounted.Violation(f"{sorted(surplus)} are there, and nobody published them")
        if missing := self.releases.keys() - listed:
            raise mounted.Violation(f"{sorted(missing)} were there before, and are gone")
        if set(generations) != set(self.generations):
            raise mounted.Violation(f"generations of nobody: {sorted(set(generations) - set(self.generations))}, "
                                    f"gone: {sorted(set(self.generations) - set(generations))}")
        self.compare_some()
        self.clean_up(domain)

    @staticmethod
    def read_generations(release):
        """(publisher, number) -> generation; they have no gap."""
        found = {}
        numbers = sorted(int(name) for name in os.listdir(release) if name.isdigit())
        if numbers != list(range(1, len(numbers) + 1)):
            raise mounted.Violation(f"the generations have a gap: {numbers}")
        for generation in numbers:
            publisher, number = mounted.content_of(f"{release}/{generation}/model.txt").split()
            found[(int(publisher), int(number))] = generation
        return found

    def must_be_there(self, publisher, number, listed, generations, otherwise):
        name = f"p{publisher}-{number}"
        if self.ways[publisher] == GENERATION:
            if (publisher, number) not in generations:
                raise mounted.Violation(f"generation {name}: {otherwise}")
            self.generations[(publisher, number)] = generations[(publisher, number)]
        else:
            if name not in listed:
                raise mounted.Violation(f"{name}: {otherwise}")
            self.releases[name] = (publisher, number)
        self.blobs |= mounted.large_blobs(loop_content(self.run.seed, publisher, number).values())
        self.compare(publisher, number)

    def path_of(self, publisher, number):
        domain = f"{self.daemon.mount_point}/d"
        if self.ways[publisher] == GENERATION:
            return f"{domain}/base/{self.generations[(publisher, number)]}"
        return f"{domain}/p{publisher}-{number}"

    def compare(self, publisher, number):
        if wrong := mounted.difference(self.path_of(publisher, number), loop_content(self.run.seed, publisher, number)):
            raise mounted.Violation(wrong)

    def check_under_way(self, publisher, number, listed, staged, generations):
        self.figures["under way"] += 1
        name = f"p{publisher}-{number}"
        present = (publisher, number) in generations if self.ways[publisher] == GENERATION else name in listed
        if present:
            self.must_be_there(publisher, number, listed, generations, "")
            self.figures["  of these there"] += 1
        if self.ways[publisher] == PUT:
            return  # its source is the caller's
        if present == (name in staged):
            raise mounted.Violation(f"{name}: published: {present}, a draft: {name in staged}")
        if not present:
            draft = f"{self.daemon.mount_point}/d/.stage/{name}"
            if wrong := mounted.difference(draft, loop_content(self.run.seed, publisher, number)):
                raise mounted.Violation(f"the draft of a commit under way: {wrong}")
            self.figures["drafts found whole"] += 1

    def compare_some(self):
        """Of what earlier deaths had left."""
        known = [*self.releases.values(), *self.generations]
        for publisher, number in self.run.random.sample(known, min(5, len(known))):
            self.compare(publisher, number)

    def clean_up(self, domain):
        """gc; nothing is an orphan; then the drafts go."""
        self.daemon.json("gc")
        if (blobs := mounted.blob_files(self.daemon.store)) != self.blobs:
            raise mounted.Violation(f"after gc: {sorted(blobs - self.blobs)} in blobs/ are nobody's, "
                                    f"{sorted(self.blobs - blobs)} missing")
        mounted.check_draft_files(self.daemon.store, f"{domain}/.stage")
        for name in os.listdir(f"{domain}/.stage"):
            shutil.rmtree(f"{domain}/.stage/{name}")

    def end(self):
        for publisher, number in [*self.releases.values(), *self.generations]:
            self.compare(publisher, number)
        report = self.daemon.json("verify")
        if report["problem_count"]:
            raise mounted.Violation(f"verify: {report['problems']}")
        self.daemon.stop()
        figures = self.figures
        return [["kill -9 at random moments", figures["kills"]], ["  and again while it started", figures["while it started"]],
                ["  acknowledged, all there whole", figures["acknowledged"]], ["  under way", figures["under way"]],
                ["    of these there whole", figures["  of these there"]], ["    drafts found whole", figures["drafts found whole"]],
                ["  drafts that were being written", figures["drafts being written"]],
                ["  blobs verified at the end", report["blobs"]], ["  slowest start, ms", f"{figures['start_max'] * 1000:.0f}"]]


def at_random(run, options):
    loop = Loop(run, options)
    loop.begin()
    for number in range(options.kills):
        try:
            loop.cycle(options.moment)
        except (mounted.Violation, TimeoutError, OSError) as violation:
            run.violation(f"kill {number}: {violation}")
            return [["kill -9 at random moments", number]]
    return loop.end()


def add_options(parser):
    parser.add_argument("--full", action="store_true", help="every point, and 200 random kills")
    parser.add_argument("--kills", type=int, default=10, help="at random moments")
    parser.add_argument("--moment", type=float, default=0.4, metavar="SECONDS", help="the latest of them")
    parser.add_argument("--kill-starts", type=float, default=0.2, metavar="SHARE", help="of the starts that are killed too")
    parser.add_argument("--every", type=int, default=2, help="exhaustive: only each n-th point; 1 with --full")
    parser.add_argument("--only", choices=["exhaustive", "random"])


def body(run, options):
    if options.full:
        options.kills, options.every = 200, 1
    rows = []
    try:
        if options.only != "random":
            rows += exhaustive(run, options)
        if options.only != "exhaustive":
            rows += at_random(run, options)
    except (mounted.Violation, TimeoutError) as violation:
        run.violation(str(violation))
    mounted.table(rows or [["nothing"]])


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
