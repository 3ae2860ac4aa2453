#!/usr/bin/env python3
"""Reading and publishing beside what a user would pick instead: bindfs, mergerfs, squashfuse, rclone mount, archivemount, fuse-zip, ratarmount.

read     one large file: warm and first touch in order, mapped, at random; and open, read, close of many small files, and `stat`. All of
         it lies in the page cache below; what cannot be read in time is cut off after some seconds. modelfs by passthrough and without.
publish  `cp -r` of a tree of small files, until it is durable: into modelfs and onto a version; into bindfs and mergerfs, which copy to the
         disk below, and `sync -f`; and natively. Who does least per file among daemons shows what the way to any daemon costs here.
Everything is compared with the plain files of the same round.
"""

import mmap
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import foreign  # noqa: E402
import mounted  # noqa: E402

CHUNK = 1 << 20
PAGE = 4096
JOB_LIMIT_S = 3  # what is slower is cut off, and its rate is of what was done
MODEL = "model.bin"
PARTS = ["read", "publish"]


def until_late(work, items):
    """Does `work(item)` for all, or as many as there is time for. Things a second."""
    begin = time.monotonic()
    done = 0
    for item in items:
        done += work(item)
        if time.monotonic() - begin > JOB_LIMIT_S:
            break
    return done / (time.monotonic() - begin)


class Subject:
    def __init__(self, name, root, files):
        self.name, self.root = name, root
        self.model = f"{root}/{MODEL}"
        self.small = [f"{root}/small/{number}" for number in range(files)]

    def sequential(self):
        buffer = [bytearray(CHUNK)]
        file = os.open(self.model, os.O_RDONLY)
        try:
            return until_late(lambda place: os.preadv(file, buffer, place), range(0, os.fstat(file).st_size, CHUNK)) / 1e6
        finally:
            os.close(file)

    def first_touch(self):
        """The pages below stay."""
        if self.name == "native":
            return self.sequential()
        file = os.open(self.model, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
        return self.sequential()

    def mapped(self):
        file = os.open(self.model, os.O_RDONLY)
        try:
            with mmap.mmap(file, 0, prot=mmap.PROT_READ) as memory:
                return until_late(lambda place: len(memory[place:place + CHUNK:PAGE]) * PAGE, range(0, len(memory), CHUNK)) / 1e6
        finally:
            os.close(file)

    def random(self):
        chance = random.Random(1)
        buffer = [bytearray(PAGE)]
        file = os.open(self.model, os.O_RDONLY)
        pages = os.fstat(file).st_size // PAGE
        try:
            return until_late(lambda _: os.preadv(file, buffer, chance.randrange(pages) * PAGE) // PAGE, range(20_000)) / 1e3
        finally:
            os.close(file)

    def opens(self):
        def read(path):
            file = os.open(path, os.O_RDONLY)
            os.read(file, PAGE)
            os.close(file)
            return 1
        return until_late(read, self.small) / 1e3

    def stats(self):
        return until_late(lambda path: os.lstat(path).st_nlink > 0, self.small) / 1e3


JOBS = [("sequential", "in order, warm", "MB/s"), ("first_touch", "in order, first touch", "MB/s"), ("mapped", "mapped, a byte a page", "MB/s"),
        ("random", "4 KiB at random", "k/s"), ("opens", "open, read, close", "k/s"), ("stats", "stat", "k/s")]


class Bench:
    def __init__(self, run, options):
        self.run, self.options = run, options
        self.foreign, self.skipped, self.daemons = foreign.Foreign(), [], []

    def daemon(self, name, options=""):
        daemon = self.run.daemon(name)
        daemon.options = options
        daemon.start()
        os.mkdir(f"{daemon.mount_point}/bench")
        self.daemons.append(daemon)
        return daemon

    def foreign_mount(self, name, command, shown):
        """Where it is mounted; None, and why in `skipped`, where it is not there or fails."""
        point = self.run.path(name.replace(" ", "-"))
        if shutil.which(command[0]) is None:
            self.skipped.append(f"{name}: it is not installed")
            return None
        os.mkdir(point)
        try:
            self.foreign.mount([part.replace("POINT", point) for part in command], point, shown)
        except (subprocess.SubprocessError, mounted.Violation) as error:
            self.skipped.append(f"{name}: {error}")
            return None
        return point

    def read(self):
        source = self.run.path("source")
        os.makedirs(f"{source}/small")
        for name, count, size in ((MODEL, 1, self.options.mib << 20), ("small/{}", self.options.files, PAGE)):
            for number in range(count):
                with open(f"{source}/{name.format(number)}", "wb") as file:
                    for _ in range(max(1, size // CHUNK)):
                        file.write(self.run.random.randbytes(min(size, CHUNK)))
        subjects = [Subject("native", source, self.options.files)]
        for name, options in (("modelfs", ""), ("modelfs, no_passthrough", "no_passthrough")):
            domain = f"{self.daemon(name.replace(', ', '-'), options).mount_point}/bench"
            subprocess.run(["cp", "-r", source, f"{domain}/.stage/x"], check=True)
            os.rename(f"{domain}/.stage/x", f"{domain}/1.0")
            subjects.append(Subject(name, f"{domain}/1.0", self.options.files))
        for name, command in self.readers(source):
            if (point := self.foreign_mount(name, command, MODEL)) is not None:
                subjects.append(Subject(name, point, self.options.files))
        rates = {}
        for number in range(self.options.rounds):
            for step in range(len(subjects)):
                subject = subjects[(number + step) % len(subjects)]
                for job, *_ in JOBS:
                    # Once before: what can be in the page cache is.
                    if number == 0:
                        getattr(subject, job)()
                    rates.setdefault((subject.name, job), []).append(getattr(subject, job)())
        for job, title, unit in JOBS:
            native = rates["native", job]
            rows = []
            for subject in subjects[1:]:
                ours = rates[subject.name, job]
                rows.append([subject.name, f"{mounted.quantile(ours, 0.5):.4g}",
                             *(f"{mounted.quantile(mounted.ratios(ours, native), share):.4f}" for share in (0.5, 0, 1))])
            print(f"\n{title}: natively {mounted.quantile(native, 0.5):.4g} {unit}")
            mounted.table(rows, ["", unit, "ratio of rates", "least", "most"])
        self.foreign.unmount()

    def readers(self, source):
        """(name, command) of all who can show the files of `source`."""
        packed = {suffix: self.run.path("packed" + suffix) for suffix in (".squashfs", ".tar", ".zip")}
        subprocess.run(["tar", "-C", source, "-cf", packed[".tar"], "."], check=True)
        for program, command in (("mksquashfs", ["mksquashfs", source, packed[".squashfs"], "-quiet", "-no-progress", "-noD", "-noF"]),
                                 ("zip", ["zip", "-0qr", packed[".zip"], "."])):
            if shutil.which(program) is not None:
                subprocess.run(command, cwd=source, check=True, stdout=subprocess.DEVNULL)
        ratarmount = foreign.install_ratarmount(self.run.path("venv"), self.skipped)
        return [("bindfs", ["bindfs", "--multithreaded", "-o", "kernel_cache", source, "POINT"]),
                ("mergerfs", ["mergerfs", "-o", "cache.files=full", source, "POINT"]),
                ("squashfuse", ["squashfuse", packed[".squashfs"], "POINT"]),
                ("rclone mount", ["rclone", "mount", "--daemon", "--read-only", "--vfs-cache-mode", "full",
                                  "--cache-dir", self.run.path("rclone-cache"), source, "POINT"]),
                ("archivemount", ["archivemount", "-o", "ro", packed[".tar"], "POINT"]),
                ("fuse-zip", ["fuse-zip", "-r", packed[".zip"], "POINT"]),
                *([("ratarmount", [ratarmount, "--index-file", self.run.path("index"), packed[".tar"], "POINT"])] if ratarmount else [])]

    def publish(self):
        source = self.run.path("tree")
        os.mkdir(source)
        for number in range(self.options.files):
            with open(f"{source}/{number}", "wb") as file:
                file.write(self.run.random.randbytes(PAGE))
        domain = f"{self.daemon('publishing').mount_point}/bench"
        ways = {"native": self.run.path("natively"), "modelfs": domain}
        os.mkdir(ways["native"])
        for name, command in (("bindfs", ["bindfs"]), ("mergerfs", ["mergerfs"])):
            below = self.run.path(f"{name}-below")
            os.makedirs(f"{below}/there")
            if (point := self.foreign_mount(f"{name}-publishing", [*command, below, "POINT"], "there")) is not None:
                ways[name] = point
        taken = {name: [] for name in ways}
        for number in range(self.options.rounds):
            for step in range(len(ways)):
                name, place = list(ways.items())[(number + step) % len(ways)]
                for file in os.listdir(source):  # other bytes, so that nothing is there already
                    with open(f"{source}/{file}", "r+b") as changed:
                        changed.write(self.run.random.randbytes(16))
                os.sync()
                begin = time.monotonic()
                if name == "modelfs":
                    subprocess.run(["cp", "-r", source, f"{place}/.stage/x"], check=True)
                    os.rename(f"{place}/.stage/x", f"{place}/v{number}")
                else:
                    subprocess.run(["cp", "-r", source, f"{place}/{number}"], check=True)
                    subprocess.run(["sync", "-f", place], check=True)
                taken[name].append(time.monotonic() - begin)
        print(f"\ncp -r of {self.options.files} files of {PAGE} bytes, until it is durable")
        mounted.table([[name, f"{mounted.quantile(each, 0.5):.2f}",
                        *(f"{mounted.quantile(mounted.ratios(each, taken['native']), share):.2f}" for share in (0.5, 0, 1))]
                       for name, each in taken.items()], ["", "seconds", "ratio of times", "least", "most"])
        self.foreign.unmount()


def add_options(parser):
    parser.add_argument("--full", action="store_true", help="256 MiB, 5000 small files, 5 rounds (the default)")
    parser.add_argument("--quick", action="store_true", help="64 MiB, 500 small files, 2 rounds")
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts; may be repeated")


def body(run, options):
    if options.quick:
        options.mib, options.files, options.rounds = 64, 500, 2
    mounted.need_disk(run, (options.mib << 20) * 8)
    bench = Bench(run, options)
    try:
        for part in options.only or PARTS:
            getattr(bench, part)()
    finally:
        bench.foreign.unmount()
    for text in bench.skipped:
        print(f"skipped: {text}")
    print(f"\nload at the end {' '.join(map(str, os.getloadavg()))}")
    for daemon in bench.daemons:
        daemon.stop()


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
