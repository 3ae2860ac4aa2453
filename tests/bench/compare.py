#!/usr/bin/env python3
"""Two programs beside each other: compare.py OLD NEW. Is NEW slower?

Each has a mount of its own on the same disk. Within a round each does every job in turns, and who begins alternates; what is
reported is NEW's time as a share of OLD's in the same round: the median of all rounds and, as the spread, the quartiles. Beside
the time by the clock stands that of the processors, the daemon's and the client's, which other programs of the machine disturb
less. Exit code 1: a median by both is above --bar.
"""

import mmap
import os
import random
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402

CHUNK = 1 << 20
PAGE = 4096
PREADS = 40_000
CLOCK_OF_PROCESS = 2  # clock_getcpuclockid(3) makes the number of another process' clock so


class Side:
    """One of the two: its daemon, and what it has published so far."""

    def __init__(self, run, name, binary, options):
        self.name, self.options, self.count = name, options, 0
        self.daemon = mounted.Daemon(binary, run.path(f"{name}-store"), run.path(f"{name}-mount"), run.path(f"{name}-log"))
        run.daemons.append(self.daemon)
        self.daemon.start()
        self.domain = f"{self.daemon.mount_point}/bench"
        os.mkdir(self.domain)
        self.large = self.publish({"model.bin": options.chance.randbytes(CHUNK) * options.mib})
        self.small = self.publish({f"{i:05}": options.chance.randbytes(PAGE) for i in range(options.small_files)})

    def processor_s(self):
        """Of the daemon and of us, since they began."""
        return time.clock_gettime(~self.daemon.pid << 3 | CLOCK_OF_PROCESS) + time.process_time()

    def stage(self, files):
        self.count += 1
        draft = f"{self.domain}/.stage/d{self.count}"
        os.mkdir(draft)
        for name, content in files.items():
            mounted.write_file(f"{draft}/{name}", content)
        return draft

    def commit(self, draft):
        version = f"{self.domain}/1.{self.count}"
        os.rename(draft, version)
        return version

    def publish(self, files):
        return self.commit(self.stage(files))

    def read_large(self):
        buffer = bytearray(CHUNK)
        with open(f"{self.large}/model.bin", "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    # The jobs. Each gives what is to be measured, after what comes before it.

    def sequential(self):
        self.read_large()
        return self.read_large

    def preads(self):
        chance = random.Random(1)
        places = [chance.randrange(self.options.mib * CHUNK // PAGE) * PAGE for _ in range(PREADS)]
        buffers = [bytearray(PAGE)]

        def work():
            with open(f"{self.large}/model.bin", "rb", buffering=0) as file:
                for place in places:
                    os.preadv(file.fileno(), buffers, place)
        return work

    def mapped(self):
        def work():
            with open(f"{self.large}/model.bin", "rb", buffering=0) as file:
                with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
                    _ = memory[::PAGE]
        return work

    def open_small(self):
        def work():
            for entry in os.scandir(self.small):
                with open(entry.path, "rb", buffering=0) as file:
                    file.read(PAGE)
        return work

    def stat_small(self):
        def work():
            for _ in range(5):
                for entry in os.scandir(self.small):
                    os.stat(entry.path)
        return work

    def small_content(self):
        return {f"{i:05}": self.options.chance.randbytes(PAGE) for i in range(self.options.files)}

    def copy_many(self):
        files = self.small_content()
        return lambda: self.stage(files)

    def commit_many(self):
        draft = self.stage(self.small_content())
        return lambda: self.commit(draft)

    def publish_large(self):
        files = {f"{i}": self.options.chance.randbytes(CHUNK) * (self.options.mib // 4) for i in range(4)}
        return lambda: self.publish(files)

    def many_releases(self):
        files = [{"weights": self.options.chance.randbytes(100)} for _ in range(self.options.releases)]
        return lambda: [self.publish(each) for each in files]

    def list_releases(self):
        def work():
            for entry in os.scandir(self.domain):
                entry.stat(follow_symlinks=False)
        return work

    def start_and_read(self):
        self.daemon.stop()

        def work():
            self.daemon.start()
            with open(f"{self.large}/model.bin", "rb", buffering=0) as file:
                file.read(1)
        return work


JOBS = {"sequential": "one large file in order, cached",
        "preads": "4 KiB pread at random, cached",
        "mapped": "a byte of each page of a mapping",
        "open_small": "open, read and close of small files",
        "stat_small": "listing and stat of small files, five times",
        "copy_many": "copying many small files in",
        "commit_many": "the commit of many small files",
        "publish_large": "publishing 4 large files",
        "many_releases": "releases of one small file, one after the other",
        "list_releases": "listing and stat of all releases",
        "start_and_read": "from the start of the daemon to the first byte"}


def measure(sides, options):
    """{job: [(seconds, seconds of processors) of the old one, of the new one), of each round]}"""
    found = {job: [] for job in options.only or JOBS}
    for number in range(options.rounds):
        for job, rounds in found.items():
            taken = [None, None]
            for step in range(2):
                which = (number + step) % 2
                side = sides[which]
                work = getattr(side, job)()
                restarted = side.daemon.process.poll() is not None
                began, processors = time.monotonic(), 0 if restarted else side.processor_s()
                own = time.process_time()
                work()
                seconds = time.monotonic() - began
                taken[which] = (seconds, side.processor_s() - (own if restarted else processors))
            rounds.append(taken)
    return found


def report(found, bar):
    rows, slower = [], []
    for job, rounds in found.items():
        row, medians = [JOBS[job], f"{mounted.quantile([old[0] for old, _ in rounds], 0.5) * 1e3:.0f}"], []
        for part in (0, 1):
            ratios = [new[part] / max(old[part], 1e-6) for old, new in rounds]
            medians.append(mounted.quantile(ratios, 0.5))
            row += [f"{medians[-1]:.2f}", f"{mounted.quantile(ratios, 0.25):.2f}-{mounted.quantile(ratios, 0.75):.2f}"]
        rows.append(row)
        if min(medians) > bar:
            slower.append(job)
    mounted.table(rows, ["new / old", "old, ms", "clock", "quartiles", "processors", "quartiles"])
    return slower


def body(run, options):
    options.chance = run.random
    mounted.need_disk(run, (options.rounds * 2 * (2 * options.files * PAGE + options.mib * CHUNK)) + (1 << 30))
    sides = [Side(run, name, os.path.realpath(binary), options) for name, binary in (("old", options.old), ("new", options.new))]
    found = measure(sides, options)
    print(f"{options.rounds} rounds; load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    slower = report(found, options.bar)
    for side in sides:
        side.daemon.stop()
        shutil.rmtree(side.daemon.store)
    if slower:
        run.violation(f"slower than {options.bar} times by clock and processors: {', '.join(slower)}")


def add_options(parser):
    parser.add_argument("old", metavar="OLD", help="a modelfs program")
    parser.add_argument("new", metavar="NEW", help="another one")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", action="append", choices=JOBS, help="a job; may be repeated")
    parser.add_argument("--mib", type=int, default=128, help="of large files")
    parser.add_argument("--files", type=int, default=10_000, help="small ones that are published in each round")
    parser.add_argument("--small-files", type=int, default=5_000, help="those that are read")
    parser.add_argument("--releases", type=int, default=100, help="of one small file, in each round")
    parser.add_argument("--bar", type=float, default=1.05)


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body, needs_command=False, names_program=False)
