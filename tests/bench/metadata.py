#!/usr/bin/env python3
"""Many small things: what each costs through the mount, beside the same on the disk.

small    open, read and close each of many files of 4 KiB of a release; names and pages are cached for all. Beside the disk, and beside
         a daemon that does nothing (empty_daemon), which is what a round trip to any daemon costs.
list     `stat` of each entry of a tree, and `ls -lR` of it; all of it was looked at before.
publish  `cp -r` of a tree of small files into a draft and `mv` onto the version, beside `cp -r` and `sync -f`. And the `mv` alone, when
         every file is summed and written back already.
copy     `cp -r` of a release inside the mount, beside `cp -r` of the same files on the disk.
start    from `modelfs mount` to the first byte of a model. Once with the disk's pages in the page cache, and once, where root may drop
         caches, without.
Who comes first alternates from round to round; ratios are those of one round.
"""

import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402

PARTS = ["small", "list", "publish", "copy", "start"]
FILE_BYTES = 4096
FILES_IN_DIRECTORY = 1000
CHUNK = 8 << 20
GOALS = {"publish": "goal: at most 2", "start": "goal: less than 50 ms"}


def timed(*command):
    begin = time.monotonic()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def spread(values, digits=2):
    return [f"{mounted.quantile(values, share):.{digits}f}" for share in (0.5, 0, 1)]


def paths_of(root):
    return [os.path.join(place, name) for place, folders, names in os.walk(root) for name in (*folders, *names)]


def files_of(root):
    return [path for path in paths_of(root) if os.path.isfile(path)]


def read_each(paths):
    begin = time.monotonic()
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        os.read(file, FILE_BYTES)
        os.close(file)
    return time.monotonic() - begin


def stat_each(paths):
    begin = time.monotonic()
    for path in paths:
        os.lstat(path)
    return time.monotonic() - begin


class Bench:
    def __init__(self, run, options):
        self.run, self.options = run, options
        self.daemon = run.daemon("store")
        self.daemon.start()
        self.domain = f"{self.daemon.mount_point}/bench"
        os.mkdir(self.domain)
        self.versions = 0

    def make_tree(self, path, count, size_bytes):
        os.mkdir(path)
        for number in range(count):
            if number % FILES_IN_DIRECTORY == 0:
                os.mkdir(f"{path}/{number // FILES_IN_DIRECTORY:03}x")
            with open(f"{path}/{number // FILES_IN_DIRECTORY:03}x/{number}", "wb") as file:
                file.write(self.run.random.randbytes(size_bytes))

    def vary(self, path, count):
        """Other bytes in each file, so that no round finds its blobs in the store."""
        for number in range(count):
            with open(f"{path}/{number // FILES_IN_DIRECTORY:03}x/{number}", "r+b") as file:
                file.write(self.run.random.randbytes(16))
        os.sync()

    def publish_tree(self, path):
        draft = f"{self.domain}/.stage/tree"
        copied = timed("cp", "-r", path, draft)
        return copied, self.commit(draft)

    def commit(self, draft):
        self.versions += 1
        begin = time.monotonic()
        os.rename(draft, f"{self.domain}/v{self.versions}")
        return time.monotonic() - begin

    def last(self):
        return f"{self.domain}/v{self.versions}"

    def each_round(self, *ways):
        """Lists of what the ways return, by way."""
        results = [[] for _ in ways]
        for number in range(self.options.rounds):
            for step in range(len(ways)):
                way = (number + step) % len(ways)
                results[way].append(ways[way]())
        return results

    def beside(self, rows, title, count, ours, native, work):
        """Adds a row of what `work` does with our paths and with those on the disk."""
        work(ours)
        work(native)
        mine, theirs = self.each_round(lambda: work(ours), lambda: work(native))
        rows.append([title, *(f"{mounted.quantile([count / each / 1e3 for each in taken], 0.5):.1f}" for taken in (mine, theirs)),
                     *spread(mounted.ratios(mine, theirs))])

    # The parts. Each prints its table.

    def small(self):
        source = self.run.path("small")
        self.make_tree(source, self.options.files, FILE_BYTES)
        self.publish_tree(source)
        rows = []
        for title, where in (("open, read, close", ""), ("  by an open directory", "relative")):
            ours, native = (files_of(root) for root in (self.last(), source))
            if where:
                ours, native = ((root, [os.path.relpath(path, root) for path in paths]) for root, paths in ((self.last(), ours), (source, native)))
            self.beside(rows, title, self.options.files, ours, native, read_each if not where else self.read_each_in)
        print(f"{self.options.files} files of {FILE_BYTES} bytes, {self.options.rounds} rounds: thousands a second, and the ratio of times")
        mounted.table(rows, ["", "ours", "native", "ratio", "least", "most"])
        program = os.path.join(os.path.dirname(self.daemon.binary), "tests", "empty_daemon")
        if not os.path.exists(program):
            print(f"beside a daemon that does nothing: skipped, there is no {program}")
            return
        point, rows = self.run.path("empty.mnt"), []
        os.mkdir(point)
        with subprocess.Popen([program, str(self.options.files), point], stdin=subprocess.DEVNULL) as empty:
            try:
                mounted.wait_for(lambda: os.path.exists(f"{point}/0"), "the empty daemon answers")
                self.beside(rows, "open, read, close", self.options.files, files_of(self.last()),
                            [f"{point}/{number}" for number in range(self.options.files)], read_each)
            finally:
                empty.terminate()
                empty.wait()
                mounted.detach(point)
        mounted.table(rows, ["", "ours", "empty daemon", "ratio (goal: at most 1.25)", "least", "most"])

    @staticmethod
    def read_each_in(where):
        root, names = where
        directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        begin = time.monotonic()
        for name in names:
            file = os.open(name, os.O_RDONLY, dir_fd=directory)
            os.read(file, FILE_BYTES)
            os.close(file)
        taken = time.monotonic() - begin
        os.close(directory)
        return taken

    def list(self):
        source = self.run.path("list")
        self.make_tree(source, self.options.entries, 8)
        self.publish_tree(source)
        ours, native = paths_of(self.last()), paths_of(source)
        rows = []
        self.beside(rows, "stat", len(native), ours, native, stat_each)
        self.beside(rows, "ls -lR", len(native), self.last(), source, lambda root: timed("ls", "-lR", root))
        self.beside(rows, "find -size +1", len(native), self.last(), source, lambda root: timed("find", root, "-size", "+1"))
        print(f"{len(native)} entries, looked at before, {self.options.rounds} rounds: thousands a second, and the ratio of times")
        mounted.table(rows, ["", "ours", "native", "ratio", "least", "most"])
        shutil.rmtree(source)

    def publish(self):
        source = self.run.path("publish")
        self.make_tree(source, self.options.files, FILE_BYTES)

        def ours():
            self.vary(source, self.options.files)
            return self.publish_tree(source)

        def theirs():
            self.vary(source, self.options.files)
            copy = self.run.path("copy")
            taken = timed("cp", "-r", source, copy), timed("sync", "-f", copy)
            shutil.rmtree(copy)
            return taken

        def clean():
            self.vary(source, self.options.files)
            draft = f"{self.domain}/.stage/clean"
            timed("cp", "-r", source, draft)
            os.sync()
            return self.commit(draft)

        mine, native, alone = self.each_round(ours, theirs, clean)
        together = [[sum(steps) for steps in rounds] for rounds in (mine, native)]
        mounted.table([["cp -r into the mount", *spread([steps[0] for steps in mine])], ["mv (the commit)", *spread([steps[1] for steps in mine])],
                       ["  together", *spread(together[0])], ["cp -r", *spread([steps[0] for steps in native])],
                       ["sync -f", *spread([steps[1] for steps in native])], ["  together", *spread(together[1])],
                       [f"ratio ({GOALS['publish']})", *spread(mounted.ratios(*together))],
                       ["mv alone, all of it summed and written back", *spread(alone, 3)]],
                      [f"{self.options.files} files of {FILE_BYTES} bytes: seconds", "median", "least", "most"])

    def copy(self):
        source = self.run.path("large")
        os.mkdir(source)
        with open(f"{source}/weights", "wb") as file:
            for _ in range(self.options.mib * (1 << 20) // CHUNK):
                file.write(self.run.random.randbytes(CHUNK))
        self.publish_tree(source)
        release = self.last()

        def way(from_path, to_path, forget):
            def work():
                os.sync()
                taken = timed("cp", "-r", from_path, to_path)
                forget(to_path)
                return taken
            return work

        mine, native = self.each_round(way(release, f"{self.domain}/.stage/copy", self.commit), way(source, self.run.path("copied"), shutil.rmtree))
        mounted.table([["inside the mount", *spread(mine, 4)], ["on the disk", *spread(native, 4)], ["ratio", *spread(mounted.ratios(mine, native), 4)]],
                      [f"cp -r of {self.options.mib} MiB: seconds", "median", "least", "most"])

    def start(self):
        draft = f"{self.domain}/.stage/model"
        mounted.make_tree(draft, {"model": self.run.random.randbytes(1 << 20)})
        self.commit(draft)
        model = f"{self.last()}/model"
        self.daemon.stop()
        rows = []
        for title, cold in (("in the page cache", False), ("not in the page cache", True)):
            if cold and not mounted.drop_caches():
                print("without the page cache: skipped, caches cannot be dropped here")
                break
            rounds = [self.first_byte(model, cold) for _ in range(self.options.rounds * 3)]
            rows += [[f"store {title}: mount returns", *spread([steps[0] * 1e3 for steps in rounds], 1)],
                     ["  and the first byte is read", *spread([sum(steps) * 1e3 for steps in rounds], 1)]]
        mounted.table(rows, [f"milliseconds ({GOALS['start']})", "median", "least", "most"])
        self.daemon.start()

    def first_byte(self, model, cold):
        if cold:
            mounted.drop_caches()
        begin = time.monotonic()
        subprocess.run([self.daemon.binary, "mount", self.daemon.store, self.daemon.mount_point], check=True, stdin=subprocess.DEVNULL)
        mount_s = time.monotonic() - begin
        try:
            file = os.open(model, os.O_RDONLY)
            if len(os.read(file, 1)) != 1:
                raise mounted.Violation(f"{model} is empty")
            os.close(file)
            return mount_s, time.monotonic() - begin - mount_s
        finally:
            subprocess.run([self.daemon.binary, "umount", self.daemon.mount_point], check=True, stdin=subprocess.DEVNULL)


def add_options(parser):
    parser.add_argument("--full", action="store_true", help="10,000 files, 100,000 entries, 1 GiB, 7 rounds (the default)")
    parser.add_argument("--quick", action="store_true", help="1,000 files, 10,000 entries, 64 MiB, 3 rounds")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts; may be repeated")


def body(run, options):
    if options.quick:
        options.files, options.entries, options.mib, options.rounds = 1000, 10_000, 64, 3
    needed = options.mib * (1 << 20) * 4 + (options.files * 3 + options.entries) * 3 * FILE_BYTES
    mounted.need_disk(run, needed)
    bench = Bench(run, options)
    for part in options.only or PARTS:
        print(f"\n-- {part}", flush=True)
        getattr(bench, part)()
    print(f"\nload at the end {' '.join(map(str, os.getloadavg()))}")
    bench.daemon.stop()


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
