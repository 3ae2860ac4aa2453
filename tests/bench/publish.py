#!/usr/bin/env python3
"""Publishing a large directory, beside what people do without a registry, on the same disk.

Each round times, in turns (who comes first alternates): `cp -r` into a draft and `mv` onto the version; `modelfs put`; and
natively `cp -r`, `sha256sum` of the copy and `sync -f`. The source lies in the page cache and is changed a little before each of
them, so that no round finds its blobs in the store. Meanwhile two loops look at the domain: `ls` (a listing), and `stat` of a
version that nobody has asked for yet; what is reported is how long they stall.
"""

import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402

context = multiprocessing.get_context("fork")

FILES = 4
OLDER_RELEASES = 2000  # that the cold look-ups name, each once a round
LOOK_EVERY_S = 0.002   # the watchers are to watch, not to load


class Watcher:
    """A process that does `look(path of the domain, n)` again and again and keeps how long each took."""

    def __init__(self, look, domain):
        self.stop = context.Event()
        self.pipe, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=self.watch, args=(look, domain, theirs), daemon=True)
        self.process.start()

    def watch(self, look, domain, pipe):
        mounted.default_signals()
        taken = []
        while not self.stop.wait(LOOK_EVERY_S):
            begin = time.monotonic()
            look(domain, len(taken))
            taken.append((begin, time.monotonic() - begin))
        pipe.send(taken)

    def end(self):
        """[(when it began, seconds)]"""
        self.stop.set()
        taken = self.pipe.recv()
        self.process.join()
        return taken


def list_domain(domain, _):
    for _ in os.scandir(domain):
        pass


def look_up_cold(domain, number):
    # The kernel keeps no name of a release (its validity is 0), and the daemon's catalog is asked each time.
    os.stat(f"{domain}/old{number % OLDER_RELEASES}/model")


def vary(source, chance):
    """Other bytes at both ends of each file: another digest, and the source stays in the page cache."""
    for number in range(FILES):
        with open(f"{source}/weights-{number}.bin", "r+b") as file:
            for place in (0, os.fstat(file.fileno()).st_size - 4096):
                file.seek(place)
                file.write(chance.randbytes(4096))
    os.sync()  # what is dirty before a part begins would be its burden


def timed(*command):
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


class Bench:
    def __init__(self, run, daemon, options):
        self.run, self.daemon, self.options = run, daemon, options
        self.source = run.path("source")
        self.domain = f"{daemon.mount_point}/bench"
        self.parts = {"native": [], "rename": [], "put": []}  # of each round: the seconds of its steps
        self.stalls = {}  # (who looks, what was going on) -> seconds
        self.versions = []

    def prepare(self):
        os.mkdir(self.source)
        chance = random.Random(self.run.seed)
        for number in range(FILES):
            with open(f"{self.source}/weights-{number}.bin", "wb") as file:
                left = self.options.mib * (1 << 20) // FILES
                while left > 0:
                    file.write(chance.randbytes(min(left, 8 << 20)))
                    left -= 8 << 20
        os.mkdir(self.domain)
        for number in range(OLDER_RELEASES):
            mounted.make_tree(f"{self.domain}/.stage/{number}", {"model": b"%d" % number})
            os.rename(f"{self.domain}/.stage/{number}", f"{self.domain}/old{number}")
        mounted.wait_for(lambda: not mounted.draft_files(self.daemon.store), "the drafts are swept", 120, 0.05)

    def native(self, number):
        copy = self.run.path(f"native-{number}")
        steps = [timed("cp", "-r", self.source, copy),
                 timed("sha256sum", *(f"{copy}/weights-{part}.bin" for part in range(FILES))),
                 timed("sync", "-f", copy)]
        shutil.rmtree(copy)
        return steps

    def rename(self, number):
        draft, target = f"{self.domain}/.stage/big{number}", f"{self.domain}/renamed{number}"
        steps = [timed("cp", "-r", self.source, draft)]
        self.commit_begin = time.monotonic()
        steps.append(timed("mv", "-T", draft, target))
        self.versions.append(target)
        return steps

    def put(self, number):
        steps = [timed(self.daemon.binary, "put", self.source, f"bench/put{number}", "--store", self.daemon.store)]
        self.versions.append(f"{self.domain}/put{number}")
        return steps

    def watched(self, way, number):
        watchers = {"ls": Watcher(list_domain, self.domain), "cold look-up": Watcher(look_up_cold, self.domain)}
        steps = getattr(self, way)(number)
        commit_begin = self.commit_begin if way == "rename" else float("inf")
        for who, watcher in watchers.items():
            for begin, taken in watcher.end():
                phase = "during mv" if begin + taken >= commit_begin else f"during {'cp' if way == 'rename' else way}"
                self.stalls.setdefault((who, phase), []).append(taken)
        return steps

    def round(self, number):
        ways = ["native", "rename", "put"]
        for step in range(len(ways)):
            way = ways[(number + step) % len(ways)]
            vary(self.source, self.run.random)
            os.sync()
            self.parts[way].append(self.native(number) if way == "native" else self.watched(way, number))
        for version in self.versions[-2:]:
            if os.stat(f"{version}/weights-0.bin").st_size != self.options.mib * (1 << 20) // FILES:
                self.run.violation(f"{version} has another size")
        if not self.options.keep_versions:
            self.forget_last()

    def forget_last(self):
        # They stay in the trash with their blobs: the disk must hold all rounds. Their pages need not stay in memory.
        for path in self.versions[-2:]:
            for number in range(FILES):
                file = os.open(f"{path}/weights-{number}.bin", os.O_RDONLY)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(file)

    def idle(self):
        """How long looks take when nothing else goes on."""
        watchers = {"ls": Watcher(list_domain, self.domain), "cold look-up": Watcher(look_up_cold, self.domain)}
        time.sleep(1)  # what is measured is a second of peace
        for who, watcher in watchers.items():
            self.stalls.setdefault((who, "idle"), []).extend(taken for _, taken in watcher.end())

    def report(self):
        totals = {way: [sum(steps) for steps in rounds] for way, rounds in self.parts.items()}
        print(f"\n{self.options.mib} MiB in {FILES} files, {len(totals['native'])} rounds: seconds of each part, median")

        def median(values):
            return f"{mounted.quantile(values, 0.5):.2f}"

        native, rename = self.parts["native"], self.parts["rename"]
        mounted.table([["cp -r", median([steps[0] for steps in native])], ["sha256sum", median([steps[1] for steps in native])],
                       ["sync -f", median([steps[2] for steps in native])], ["  native, together", median(totals["native"])],
                       ["cp -r into the mount", median([steps[0] for steps in rename])],
                       ["mv (the commit)", median([steps[1] for steps in rename])], ["  cp + mv, together", median(totals["rename"])],
                       ["  modelfs put", median(totals["put"])]])
        print("\nRatio to native of the same round")
        rows = []
        for way, title in (("rename", "cp -r + mv"), ("put", "modelfs put")):
            ratios = [ours / theirs for ours, theirs in zip(totals[way], totals["native"])]
            without_sums = [ours / (theirs[0] + theirs[2]) for ours, theirs in zip(totals[way], native)]
            rows.append([title, median(ratios), f"{min(ratios):.2f}", f"{max(ratios):.2f}", " ".join(f"{ratio:.2f}" for ratio in ratios)])
            # sha256sum(1) may be much slower than a good SHA-256: this is the ratio to doing without.
            rows.append(["  to cp + sync -f without sums", median(without_sums), f"{min(without_sums):.2f}", f"{max(without_sums):.2f}",
                         " ".join(f"{ratio:.2f}" for ratio in without_sums)])
        mounted.table(rows, ["", "median", "least", "most", "rounds"])
        print("\nLooking into the domain meanwhile, milliseconds")
        mounted.table([[f"{who}, {phase}", len(taken), *(f"{mounted.quantile(taken, share) * 1000:.2f}" for share in (0.5, 0.99)),
                        f"{max(taken) * 1000:.2f}"] for (who, phase), taken in sorted(self.stalls.items())],
                      ["", "looks", "p50", "p99", "max"])


def add_options(parser):
    parser.add_argument("--full", action="store_true", help="1 GiB, 5 rounds (the default)")
    parser.add_argument("--quick", action="store_true", help="128 MiB, 3 rounds")
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep-versions", action="store_true", help="keep what was published in the page cache")


def body(run, options):
    if options.quick:
        options.mib, options.rounds = 128, 3
    free = shutil.disk_usage(run.directory).free
    needed = options.mib * (1 << 20) * (2 * options.rounds + 3)
    if free < needed:
        mounted.skip(f"needs {needed >> 30} GiB of disk in {run.directory}; use --dir or --quick")
    daemon = run.daemon("store")
    daemon.start()
    bench = Bench(run, daemon, options)
    bench.prepare()
    bench.idle()
    for number in range(options.rounds):
        bench.round(number)
    bench.report()
    daemon.stop()


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
