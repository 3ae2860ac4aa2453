#!/usr/bin/env python3
"""Scale: a domain with very many releases and a release with very many files, beside small ones in the same store.

The store is made through the mount by several processes, in memory (/dev/shm) where there is room, because its making is not
what is measured; it is then copied to the disk. With --domains the releases are spread over as many domains and made by fill_store, which
needs no mount: a million takes ten minutes. Before each group of measurements the daemon is started anew, so that neither
it nor the kernel's name cache knows a name. The catalog's pages are put into the page cache before that (some machines throw out within
seconds what is not used), or with --drop-caches (as root) out of it.
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

MOUNT_GOAL_MS = 1000
LOOKUP_GOAL_US = 200  # in the daemon: the kernel's round trip is not ours
MEMORY_GOAL_MIB = 200
MEMORY_GOAL_OF_DOMAINS_MIB = 300  # of a million releases, the cache included
BLOCK_CACHE_MIB = 32  # of RocksDB, stated beside the goal
GROWTH_MAX = 2.0      # p50 among very many siblings, as a multiple of p50 among few: beyond it, it grows
FEW = 100
MAKERS = 4
REST_S, REST_LIMIT_S = 2, 120
CHUNK = 8 << 20


def publish_releases(domain, first, last):
    mounted.default_signals()
    for number in range(first, last):
        draft = f"{domain}/.stage/{number}"
        os.mkdir(draft)
        mounted.write_file(f"{draft}/model", b"%d" % number)
        os.rename(draft, f"{domain}/v{number:07}")


def write_files(directory, first, last):
    mounted.default_signals()
    for number in range(first, last):
        mounted.write_file(f"{directory}/f{number:07}", b"file %d" % number)


def in_parallel(work, place, count):
    makers = []
    for part in range(MAKERS):
        maker = context.Process(target=work, args=(place, count * part // MAKERS, count * (part + 1) // MAKERS), daemon=True)
        maker.start()
        makers.append(maker)
    for maker in makers:
        maker.join()
        if maker.exitcode != 0:
            raise mounted.Violation("a process that fills the store failed")


def fill_without_mount(daemon, options):
    begin = time.monotonic()
    if options.filled:
        subprocess.run(["cp", "-a", options.filled, daemon.store], check=True)
        return [["copied: releases/s", f"{options.releases / (time.monotonic() - begin):.0f}"]]
    program = os.path.join(os.path.dirname(daemon.binary), "tests", "fill_store")
    subprocess.run([program, daemon.store, str(options.domains), str(options.releases)], check=True)
    return [["made without a mount: releases/s", f"{options.releases / (time.monotonic() - begin):.0f}"]]


def release_path(options, root, number):
    return f"{root}/many/v{number:07}" if options.domains == 1 else f"{root}/d{number % options.domains:04}/v{number:07}"


def fill(run, daemon, options):
    """Returns rows about the making."""
    root, releases, files = daemon.mount_point, options.releases, options.files
    begin = time.monotonic()
    made_before = 0
    for domain, count in (("many", releases if options.domains == 1 else FEW), ("few", FEW)):
        os.mkdir(f"{root}/{domain}")
        in_parallel(publish_releases, f"{root}/{domain}", count)
        made_before += count
    releases_s = time.monotonic() - begin
    os.mkdir(f"{root}/wide")
    begin = time.monotonic()
    commits = {}
    for version, count in (("large", files), ("small", FEW)):
        draft = f"{root}/wide/.stage/{version}"
        os.mkdir(draft)
        in_parallel(write_files, draft, count)
        commit_begin = time.monotonic()
        os.rename(draft, f"{root}/wide/{version}")
        commits[version] = time.monotonic() - commit_begin
    files_s = time.monotonic() - begin
    mounted.wait_for(lambda: not mounted.draft_files(daemon.store), "the drafts are swept", 300, 0.1)
    if len(os.listdir(os.path.dirname(release_path(options, root, 0)))) < releases // options.domains or len(os.listdir(f"{root}/wide/large")) != files:
        run.violation("not everything that was published is listed")
    return [["made through the mount: releases/s", f"{made_before / releases_s:.0f}"],
            ["  files/s into a draft, and its commit", f"{(files + FEW) / files_s:.0f}"],
            [f"  the commit of {files} files alone, s", f"{commits['large']:.2f}"]]


def times_of(call, things):
    """Microseconds of `call(thing)` for each."""
    taken = []
    for thing in things:
        begin = time.perf_counter_ns()
        call(thing)
        taken.append((time.perf_counter_ns() - begin) / 1000)
    return taken


def open_and_close(path):
    os.close(os.open(path, os.O_RDONLY))


def anonymous_mib(pid):
    # Why not RssAnon of status: newer kernels count it by processor and add up only now and then, megabytes off.
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as maps:
        return next(int(line.split()[1]) for line in maps if line.startswith("Anonymous:")) / 1024


def lookups_of(daemon):
    """Of the daemon's look-ups so far: {upper bound in microseconds: how many took at most that}."""
    buckets = {}
    with open(f"{daemon.mount_point}/.modelfs/metrics", encoding="utf-8") as metrics:
        for line in metrics:
            if line.startswith('modelfs_request_duration_seconds_bucket{kind="lookup"'):
                bound = line.split('le="')[1].split('"')[0]
                buckets[float("inf") if bound == "+Inf" else round(float(bound) * 1e6)] = int(line.split()[-1])
    return buckets


def wait_for_rest(daemon):
    """Until the daemon does nothing any more: sweeping what commits have left, sorting its tables. How long that took, in seconds."""
    begin = time.monotonic()
    used = None
    while time.monotonic() - begin < REST_LIMIT_S:
        with open(f"/proc/{daemon.pid}/stat", encoding="utf-8") as stat:
            now = sum(int(field) for field in stat.read().rsplit(")", 1)[1].split()[11:13])
        if now == used:
            break
        used = now
        time.sleep(REST_S)
    return time.monotonic() - begin


def set_page_cache(store, is_dropped):
    if is_dropped:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w", encoding="utf-8") as file:
            file.write("3")
        return
    for place, _, names in os.walk(f"{store}/catalog"):
        for name in names:
            with open(f"{place}/{name}", "rb") as file:
                while file.read(CHUNK):
                    pass


class Measurer:
    def __init__(self, run, daemon, options):
        self.run, self.daemon, self.options = run, daemon, options
        self.memory = {}
        self.mounts = []
        self.lookups = {}  # those of all cold names among many

    def begin(self):
        set_page_cache(self.daemon.store, self.options.drop_caches)
        self.mounts.append(self.daemon.start() * 1000)

    def end(self, title):
        self.memory[title] = anonymous_mib(self.daemon.pid)
        self.daemon.stop()

    def compare(self, title, call, many, few):
        """A row: p50 and p99 among many and among few siblings, each cold."""
        figures = []
        for side, paths in (("few", few), ("many", many)):
            self.begin()
            # The way there is not what is measured.
            for directory in {os.path.dirname(path) for path in paths}:
                os.stat(os.path.dirname(directory) if self.options.domains == 1 else directory)
            before = lookups_of(self.daemon)
            taken = times_of(call, paths)
            if side == "many":
                for bound, count in lookups_of(self.daemon).items():
                    self.lookups[bound] = self.lookups.get(bound, 0) + count - before.get(bound, 0)
            figures.append((mounted.quantile(taken, 0.5), mounted.quantile(taken, 0.99)))
            self.end(f"after {len(paths)} x {title}, {side}")
        growth = figures[1][0] / figures[0][0]
        return [title, *(f"{value:.0f}" for pair in figures for value in pair), f"{growth:.2f}",
                "" if growth <= GROWTH_MAX else "grows"]

    def listing(self, directory):
        """ls -f: names/s by the real ls, in a process of its own."""
        self.begin()
        begin = time.monotonic()
        listed = subprocess.run(["ls", "-f", directory], stdout=subprocess.PIPE, check=True).stdout.count(b"\n")
        taken = time.monotonic() - begin
        self.end(f"after ls -f of {listed} names")
        return listed, taken


def measure(run, daemon, options, measurer):
    root = daemon.mount_point
    chance = random.Random(run.seed)
    samples = options.samples
    # Each name once, so that each is cold; of the few, all.
    releases = [release_path(options, root, number) for number in chance.sample(range(options.releases), min(samples, options.releases))]
    few = [f"{root}/few/v{number:07}" for number in chance.sample(range(FEW), FEW)]
    files = [f"{root}/wide/large/f{number:07}" for number in chance.sample(range(options.files), min(samples, options.files))]
    few_files = [f"{root}/wide/small/f{number:07}" for number in chance.sample(range(FEW), FEW)]
    latencies = [
        measurer.compare("stat of a release", os.stat, releases, few),
        measurer.compare("open of a release's file", open_and_close, [f"{path}/model" for path in releases],
                         [f"{path}/model" for path in few]),
        measurer.compare("stat of a missing version", os.path.lexists, [f"{path}x" for path in releases], [f"{path}x" for path in few]),
        measurer.compare("stat of a release's file", os.stat, files, few_files),
        measurer.compare("open of a release's file, wide", open_and_close, files, few_files),
    ]
    listings = [(title, *measurer.listing(f"{root}/{directory}"))
                for title, directory in (("releases", os.path.relpath(os.path.dirname(release_path(options, root, 0)), root)), ("few releases", "few"), ("files", "wide/large"), ("few files", "wide/small"))]
    # Everything at once: what a daemon holds that has been asked for all of it.
    measurer.begin()
    everything = {os.path.dirname(release_path(options, root, number)) for number in range(options.domains)}
    subprocess.run(["ls", "-l", *everything, f"{root}/wide/large"], stdout=subprocess.DEVNULL, check=True)
    measurer.end("after ls -l of everything")
    return measurer, latencies, listings


def report(run, options, making, measurer, latencies, listings):
    print(f"\n{options.releases} releases in {options.domains} domain{'s' if options.domains > 1 else ''}, {options.files} files in one release; {FEW} of each as the few")
    mounted.table(making)
    print("\nLatency in microseconds, each name cold; growth: p50 among many / p50 among few")
    mounted.table(latencies, ["", "few p50", "few p99", "many p50", "many p99", "growth", ""])
    print("\nls -f")
    mounted.table([[title, count, f"{taken * 1000:.0f}", f"{taken * 1e6 / count:.1f}"] for title, count, taken in listings],
                  ["", "names", "ms", "us/name"])
    most = max(measurer.memory, key=measurer.memory.get)
    bound = MEMORY_GOAL_MIB + BLOCK_CACHE_MIB if options.domains == 1 else MEMORY_GOAL_OF_DOMAINS_MIB
    slowest, median = max(measurer.mounts), mounted.quantile(measurer.mounts, 0.5)
    grown = [row[0] for row in latencies if row[-1]]

    known = max(measurer.lookups.values())
    within = measurer.lookups.get(LOOKUP_GOAL_US, 0) / known
    p99 = min(bound for bound, count in measurer.lookups.items() if count >= 0.99 * known)

    def verdict(good):
        return "met" if good else "MISSED"

    print("\nGoals")
    mounted.table([
        [f"mount, of {len(measurer.mounts)}: first (replays the log) / median / slowest, ms",
         f"{measurer.mounts[0]:.0f} / {median:.0f} / {slowest:.0f}", f"< {MOUNT_GOAL_MS}",
         verdict(slowest < MOUNT_GOAL_MS)],
        [f"anonymous memory, most ({most}), MiB", f"{measurer.memory[most]:.0f}", f"< {bound}",
         verdict(measurer.memory[most] < bound)],
        [f"{known} cold look-ups, in the daemon: p99 at most, us; {within:.4f} within {LOOKUP_GOAL_US}", f"{p99}", f"< {LOOKUP_GOAL_US}",
         verdict(p99 <= LOOKUP_GOAL_US)],
        ["look-ups do not grow with the siblings", "no growth" if not grown else f"{len(grown)} grow",
         f"p50 <= {GROWTH_MAX:.0f} x", verdict(not grown)]], ["", "measured", "goal", ""])
    print("\nAnonymous memory of the daemon, MiB")
    mounted.table([[title, f"{mib:.0f}"] for title, mib in measurer.memory.items()])


def add_options(parser):
    parser.add_argument("--full", action="store_true", help="100,000 of each (the default)")
    parser.add_argument("--quick", action="store_true", help="5,000 of each")
    parser.add_argument("--releases", type=int, default=100_000)
    parser.add_argument("--domains", type=int, default=1, help="that the releases are spread over")
    parser.add_argument("--filled", metavar="STORE", help="made by fill_store with the same figures: copied, not made anew")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--samples", type=int, default=3_000, help="names of each kind")
    parser.add_argument("--drop-caches", action="store_true", help="before each start: the page cache too (root)")


def body(run, options):
    if options.quick:
        options.releases, options.files, options.samples = 5_000, 5_000, 500
    making_daemon = run.daemon("store")
    fast = "/dev/shm/" + os.path.basename(run.directory)
    try:
        if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 4 << 30:
            os.mkdir(fast, 0o700)
            making_daemon.store = f"{fast}/store"
        without = fill_without_mount(making_daemon, options) if options.domains > 1 else []
        making_daemon.start()
        making = without + fill(run, making_daemon, options)
        making_daemon.stop()
        daemon = run.daemon("measured")
        subprocess.run(["cp", "-a", making_daemon.store, daemon.store], check=True)
        os.sync()  # or the first start pays for the copy, in its first fsync
        measurer = Measurer(run, daemon, options)
        measurer.begin()
        making.append(["  after the first mount the store sweeps and sorts, s", f"{wait_for_rest(daemon):.0f}"])
        daemon.stop()
        used = sum(os.stat(os.path.join(place, name)).st_blocks * 512 for place, _, names in os.walk(daemon.store) for name in names)
        making.append(["  the store on disk, MiB", f"{used / (1 << 20):.0f}"])
    finally:
        making_daemon.kill()
        shutil.rmtree(fast, ignore_errors=True)
    report(run, options, making, *measure(run, daemon, options, measurer))


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
