#!/usr/bin/env python3
"""Reading one large published file: by the kernel (passthrough), through the daemon (-o no_passthrough), and natively.

The same bytes lie three times on the same disk: as a plain file, and in two stores, one mounted each way. Each round does every
job on all three in turns (who comes first alternates); what is reported is the ratio of their rates in the same round. Warm: in
the page cache. First touch: the file below is in the page cache, and nobody has read it through the mount. Cold: on the disk.
Every rate includes Python's share, about 0.5 us a call, which matters for the 4 KiB reads only.
"""

import json
import mmap
import os
import random
import shutil
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402

CHUNK = 1 << 20
PAGE = 4096
PREADS = 40_000
READERS = 4
SHARED_ROUNDS = 5


def read_through(path):
    buffer = bytearray(CHUNK)
    file = os.open(path, os.O_RDONLY)
    done = 0
    while got := os.readv(file, [buffer]):
        done += got
    os.close(file)
    return done


def forget_pages(path):
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def in_children(count, work):
    """Forks `count` processes; they begin together. Fails when one of them does."""
    begin_read, begin_write = os.pipe()
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            mounted.default_signals()
            code = 1
            try:
                os.close(begin_write)
                os.read(begin_read, 1)  # until the parent closes it
                work()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    os.close(begin_read)
    begin = time.monotonic()
    os.close(begin_write)
    codes = [os.waitpid(child, 0)[1] for child in children]
    if any(codes):
        raise mounted.Violation("a reader failed")
    return time.monotonic() - begin


class Subject:
    """One way to the bytes: `path` as it is read, `plain` the file that lies below."""

    def __init__(self, name, path, plain, daemon=None):
        self.name, self.path, self.plain, self.daemon = name, path, plain, daemon
        self.size = os.stat(plain).st_size

    def read_requests(self):
        with open(f"{self.daemon.mount_point}/.modelfs/status.json", encoding="utf-8") as status:
            return json.load(status)["requests"].get("read", 0)

    # Jobs: (what was done, seconds).

    def sequential(self):
        begin = time.monotonic()
        return read_through(self.path) / 1e6, time.monotonic() - begin

    def first_touch(self):
        if self.daemon:
            forget_pages(self.path)  # of the mount; those of the file below stay
        return self.sequential()

    def cold(self):
        if self.daemon:
            forget_pages(self.path)
        forget_pages(self.plain)
        return self.sequential()

    def touch(self):
        file = os.open(self.path, os.O_RDONLY)
        begin = time.monotonic()
        with mmap.mmap(file, self.size, prot=mmap.PROT_READ) as memory:
            _ = memory[::PAGE]
        taken = time.monotonic() - begin
        os.close(file)
        return self.size / 1e6, taken

    def first_touch_mapped(self):
        if self.daemon:
            forget_pages(self.path)
        return self.touch()

    def random_pages(self):
        chance = random.Random(1)
        return [chance.randrange(self.size // PAGE) * PAGE for _ in range(PREADS)]

    def mapped_preads(self):
        places = self.random_pages()
        file = os.open(self.path, os.O_RDONLY)
        begin = time.monotonic()
        with mmap.mmap(file, self.size, prot=mmap.PROT_READ) as memory:
            for place in places:
                _ = memory[place:place + PAGE]
        taken = time.monotonic() - begin
        os.close(file)
        return PREADS / 1e3, taken

    def preads(self):
        places = self.random_pages()
        buffers = [bytearray(PAGE)]
        file = os.open(self.path, os.O_RDONLY)
        begin = time.monotonic()
        for place in places:
            os.preadv(file, buffers, place)
        taken = time.monotonic() - begin
        os.close(file)
        return PREADS / 1e3, taken

    def readers(self):
        return READERS * self.size / 1e6, in_children(READERS, lambda: read_through(self.path))

    def sendfile(self):
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            mounted.default_signals()
            ours.close()
            buffer = bytearray(CHUNK)
            while theirs.recv_into(buffer):
                pass
            os._exit(0)
        theirs.close()
        file = os.open(self.path, os.O_RDONLY)
        begin = time.monotonic()
        done = 0
        while done < self.size:
            done += os.sendfile(ours.fileno(), file, done, self.size - done)
        ours.close()
        os.waitpid(child, 0)
        taken = time.monotonic() - begin
        os.close(file)
        return done / 1e6, taken


# (method, title, unit, whether it must be warm before)
JOBS = [("sequential", "sequential, warm", "MB/s", True),
        ("touch", "mmap, a byte of each page, warm", "MB/s", True),
        ("preads", "4 KiB pread at random, warm", "k/s", True),
        ("mapped_preads", "4 KiB of a mapping at random, warm", "k/s", True),
        ("readers", f"{READERS} readers at once, warm", "MB/s", True),
        ("sendfile", "sendfile to a socket, warm", "MB/s", True),
        ("first_touch", "sequential, first touch", "MB/s", True),
        ("first_touch_mapped", "mmap, first touch", "MB/s", True),
        ("cold", "sequential, cold", "MB/s", False)]


def cached_bytes():
    """What all files of the machine have in the page cache."""
    with open("/proc/meminfo", encoding="utf-8") as meminfo:
        line, = (line for line in meminfo if line.startswith("Cached:"))
    return int(line.split()[1]) << 10


def pages_of_two_releases(subject):
    """The page cache that reading the file through two releases takes, as a share of its size."""
    release = os.path.dirname(subject.path)
    domain = os.path.dirname(release)
    shutil.copytree(release, f"{domain}/.stage/again")
    os.rename(f"{domain}/.stage/again", f"{domain}/2.0")
    second = f"{domain}/2.0/{os.path.basename(subject.path)}"
    blob, = mounted.blob_files(subject.daemon.store)
    if os.path.basename(subject.plain) != blob or os.path.samefile(second, subject.path):
        raise mounted.Violation("two releases with the same bytes must be two files of one blob")
    grown = []
    for _ in range(SHARED_ROUNDS):
        for path in (subject.path, second, subject.plain):
            forget_pages(path)
        before = cached_bytes()
        read_through(subject.path)
        read_through(second)
        grown.append((cached_bytes() - before) / subject.size)
    return mounted.quantile(grown, 0.5), min(grown), max(grown)


def write_random(path, mib, chance):
    with open(path, "wb") as file:
        for _ in range(mib):
            file.write(chance.randbytes(CHUNK))


def publish(run, name, options, source):
    daemon = run.daemon(name)
    daemon.options = options
    daemon.start()
    domain = f"{daemon.mount_point}/bench"
    os.mkdir(domain)
    os.mkdir(f"{domain}/.stage/x")
    shutil.copyfile(source, f"{domain}/.stage/x/model.bin")
    os.rename(f"{domain}/.stage/x", f"{domain}/1.0")
    blob, = mounted.blob_files(daemon.store)
    return Subject(name, f"{domain}/1.0/model.bin", f"{daemon.store}/blobs/{blob[:2]}/{blob}", daemon)


def measure(subjects, options):
    """{(job, subject): [rate of each round]}"""
    rates = {}
    for number in range(options.rounds):
        for method, *_, is_warm in JOBS:
            if options.only and method not in options.only:
                continue
            for step in range(len(subjects)):
                subject = subjects[(number + step) % len(subjects)]
                if is_warm:
                    read_through(subject.plain)
                    read_through(subject.path)
                done, taken = getattr(subject, method)()
                rates.setdefault((method, subject.name), []).append(done / taken)
    return rates


def report(subjects, rates):
    native, *others = subjects
    for subject in others:
        rows = []
        for method, title, unit, _ in JOBS:
            if (method, native.name) not in rates:
                continue
            theirs, ours = rates[method, native.name], rates[method, subject.name]
            ratios = [mine / its for mine, its in zip(ours, theirs)]
            rows.append([title, f"{mounted.quantile(theirs, 0.5):.0f}", f"{mounted.quantile(ours, 0.5):.0f}", unit,
                         *(f"{mounted.quantile(ratios, share):.2f}" for share in (0.5, 0.05, 0.95)), f"{max(ours) / max(theirs):.2f}"])
        print(f"\n{subject.name}, {len(ratios)} rounds")
        mounted.table(rows, ["", "native", "ours", "", "ratio", "5 %", "95 %", "best/best"])


def add_options(parser):
    parser.add_argument("--full", action="store_true", help="1 GiB, 15 rounds (the default)")
    parser.add_argument("--quick", action="store_true", help="128 MiB, 3 rounds")
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", choices=[method for method, *_ in JOBS], action="append", help="these jobs; may be repeated")
    parser.add_argument("--passthrough", action="store_true", help="not -o no_passthrough, whose pages would be in memory twice")


def body(run, options):
    if options.quick:
        options.mib, options.rounds = 128, 3
    mounted.need_disk(run, options.mib * CHUNK * 4)
    plain = run.path("model.bin")
    write_random(plain, options.mib, run.random)
    subjects = [Subject("native", plain, plain), publish(run, "passthrough", "", plain)]
    if not options.passthrough:
        subjects.append(publish(run, "no_passthrough", "no_passthrough", plain))
    os.sync()
    # Why from the disk: how large the pieces of the page cache are, and so what a fault in a mapping costs, depends on how they came.
    for subject in subjects:
        subject.cold()
    print(f"{options.mib} MiB, load {' '.join(map(str, os.getloadavg()))}")
    for subject in subjects[1:]:
        with open(f"{subject.daemon.mount_point}/.modelfs/status.json", encoding="utf-8") as status:
            print(f"{subject.name}: {json.dumps(json.load(status)['reads'])}")
    # Asking for the number is READ requests too, as many each time.
    asked = [(subject.read_requests(), subject.read_requests()) for subject in subjects[1:]]
    rates = measure(subjects, options)
    print("\nREAD requests in all rounds: " + ", ".join(f"{subject.name} {subject.read_requests() - 2 * second + first}"
                                                        for subject, (first, second) in zip(subjects[1:], asked)))
    report(subjects, rates)
    print("\nPage cache after reading the file through two releases, as a share of its size "
          f"(median of {SHARED_ROUNDS}, least, most; of the whole machine):")
    for subject in subjects[1:]:
        print(f"  {subject.name} " + " ".join(f"{share:.2f}" for share in pages_of_two_releases(subject)))
    print(f"\nload at the end {' '.join(map(str, os.getloadavg()))}")
    for subject in subjects[1:]:
        subject.daemon.stop()


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
