#!/usr/bin/env python3
"""Archives: putting them in, reading those that are made, and what they cost, beside what people do without a registry.

ingest   `cp m.tar.gz` into the mount, until close returns, beside `tar xzf` and `sync -f` on the same disk. The archive lies in the
         page cache for both. Each round has a new store, so that nothing is there already.
out      `1.2.0.tar.gz` of a directory's release beside `tar cz` and `tar c` of that directory. What lies on the disk is in the page
         cache for all; the daemon is started anew before each reading, so that the kernel has no page of the mount.
random   4 KiB at random places of archives that are made, beside a plain file; again with a new mount each time. Once with the disk's
         pages in the page cache, and once, where root may drop caches, without.
member   the last of 100 files of an archive by path, beside archivemount, fuse-zip, squashfuse and ratarmount.
disk     what the store occupies after one archive of each writer, when it has settled.
memory   the daemon's largest resident size over an ingest.
"""

import array
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import foreign  # noqa: E402
import mounted  # noqa: E402

PARTS = ["ingest", "out", "random", "member", "disk", "memory"]
FILES = 8
MEMBERS = 100
BLOCK_BYTES = 8 << 20
READ_BYTES = 4096
OUT_ROUNDS = 7  # of what takes seconds, for each of what takes minutes
GOALS = {"ingest": "goal: at most 1.3", "out": "goal: at least 20 to tar cz, more than 1 to tar c",
         "disk": "goal: at most 1.02 where a recipe exists"}

# name, program, suffix, command: in the model's directory, with the archive's path in $1
WRITERS = [("tarfile w:gz", None, ".tar.gz", None),
           ("GNU tar, gzip -6", "gzip", ".tar.gz", 'tar -c . | gzip -6 > "$1"'),
           ("GNU tar, gzip -9", "gzip", ".tar.gz", 'tar -c . | gzip -9 > "$1"'),
           ("bsdtar -z", "bsdtar", ".tar.gz", 'bsdtar -czf "$1" .'),
           ("plain tar", "tar", ".tar", 'tar -cf "$1" .'),
           ("zip -0", "zip", ".zip", 'zip -0qr "$1" .'),
           ("zip", "zip", ".zip", 'zip -qr "$1" .'),
           ("tar.zst", "zstd", ".tar.zst", 'tar -c . | zstd -q > "$1"')]


def bytes_of(text):
    units = {"K": 10, "M": 20, "G": 30}
    return int(text[:-1]) << units[text[-1].upper()] if text[-1:].upper() in units else int(text)


def timed(*command, **more):
    begin = time.monotonic()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **more)
    return time.monotonic() - begin


def shell(line, *arguments, **more):
    return timed("bash", "-o", "pipefail", "-ec", line, "bash", *arguments, **more)


def median(values):
    return mounted.quantile(values, 0.5)


def spread(values):
    return [f"{median(values):.2f}", f"{min(values):.2f}", f"{max(values):.2f}"]


def floats(chance, size):
    """Bytes like weights: floats of a bell curve, with the precision of bfloat16. gzip makes about half of them."""
    values = array.array("I", array.array("f", [chance.gauss(0, 0.02) for _ in range(size // 4)]).tobytes())
    return array.array("I", [value & 0xFFFF0000 for value in values]).tobytes()


def write_weights(path, size, chance, weights):
    """Incompressible bytes, or `weights` again and again from places that gzip cannot see at once."""
    with open(path, "wb") as file:
        while size > 0:
            if weights:
                start = chance.randrange(len(weights) // 8) * 4
                block = weights[start:start + size]
            else:
                block = chance.randbytes(min(size, BLOCK_BYTES))
            file.write(block)
            size -= len(block)


def warm(root):
    """All of it, a file or a tree, into the page cache."""
    paths = [root] if os.path.isfile(root) else [os.path.join(place, name) for place, _, names in os.walk(root) for name in names]
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.read(BLOCK_BYTES):
                pass


def disk_bytes(path):
    return int(subprocess.run(["du", "-s", "-B1", path], check=True, capture_output=True, text=True).stdout.split()[0])


def tree_bytes(root):
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(root) for name in names)


def peak_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        return int(next(line for line in status if line.startswith("VmHWM:")).split()[1])


class Bench:
    def __init__(self, run, options):
        self.run, self.options = run, options
        self.model, self.archive = run.path("model"), run.path("model.tar.gz")
        self.stores = 0
        self.foreign = foreign.Foreign()
        self.weights = floats(run.random, min(BLOCK_BYTES, max(1 << 20, options.size // FILES)))

    def prepare(self):
        os.mkdir(self.model)
        for number in range(FILES):
            write_weights(f"{self.model}/weights-{number}.bin", self.options.size // FILES, self.run.random,
                          self.weights if number % 2 else None)
        shell('tar -C "$1" -czf "$2" .', self.model, self.archive)
        os.sync()
        print(f"model of {self.options.size >> 20} MiB in {FILES} files, {self.options.rounds} rounds; "
              f"model.tar.gz has {os.path.getsize(self.archive) >> 20} MiB", flush=True)

    def new_store(self):
        daemon = self.run.daemon(f"store-{self.stores}")
        self.stores += 1
        daemon.start()
        os.mkdir(f"{daemon.mount_point}/bench")
        return daemon

    def drop(self, daemon):
        if daemon.process.poll() is None:
            daemon.stop()
        self.run.daemons.remove(daemon)
        shutil.rmtree(daemon.store)

    def each_round(self, *ways, times=1):
        """Lists of what the ways return, by way; who comes first changes from round to round."""
        results = [[] for _ in ways]
        for number in range(self.options.rounds * times):
            for step in range(len(ways)):
                way = (number + step) % len(ways)
                results[way].append(ways[way]())
        return results

    def put(self, daemon, archive, name):
        os.sync()
        return timed("cp", archive, f"{daemon.mount_point}/bench/{name}")

    # The parts. Each prints its table.

    def ingest(self):
        peaks = []

        def ours():
            daemon = self.new_store()
            taken = self.put(daemon, self.archive, "1.2.0.tar.gz")
            peaks.append(peak_kib(daemon.pid))
            if tree_bytes(f"{daemon.mount_point}/bench/1.2.0") != tree_bytes(self.model):
                self.run.violation("what was put in has another size")
            self.drop(daemon)
            return taken

        def theirs():
            fresh = self.run.path("fresh")
            os.mkdir(fresh)
            os.sync()
            taken = timed("tar", "-xzf", self.archive, "-C", fresh), timed("sync", "-f", fresh)
            shutil.rmtree(fresh)
            return taken

        warm(self.archive)
        put, native = self.each_round(ours, theirs)
        together = [sum(steps) for steps in native]
        mounted.table([["cp into the mount, to the return of close", *spread(put)], ["tar xzf", *spread([steps[0] for steps in native])],
                       ["sync -f", *spread([steps[1] for steps in native])], ["  tar xzf + sync -f", *spread(together)],
                       [f"ratio ({GOALS['ingest']})", *spread(mounted.ratios(put, together))]], ["seconds", "median", "least", "most"])
        print(f"peak memory of the daemon: {max(peaks) / 1024:.0f} MiB")

    def publish_model(self):
        daemon = self.new_store()
        draft = f"{daemon.mount_point}/bench/.stage/model"
        shutil.copytree(self.model, draft)
        os.rename(draft, f"{daemon.mount_point}/bench/1.2.0")
        return daemon

    @staticmethod
    def restart(daemon):
        daemon.stop()
        daemon.start()

    def out(self):
        daemon = self.publish_model()
        warm(self.model)
        warm(daemon.store + "/blobs")

        def read(suffix):
            def way():
                self.restart(daemon)
                return timed("cat", f"{daemon.mount_point}/bench/1.2.0{suffix}")
            return way

        # Why through cat: GNU tar reads no file when it sees that it writes to /dev/null.
        gz, packed = self.each_round(read(".tar.gz"), lambda: shell('tar -C "$1" -cz . | cat > /dev/null', self.model))
        # Those that take no minutes take more rounds.
        ways = {"cat 1.2.0.tar.gz": read(".tar.gz"), "cat 1.2.0.tar": read(".tar"), "cat 1.2.0.zip": read(".zip"),
                "tar c | cat": lambda: shell('tar -C "$1" -c . | cat > /dev/null', self.model)}
        results = dict(zip(ways, self.each_round(*ways.values(), times=OUT_ROUNDS)))
        mounted.table([[name, *spread(values)] for name, values in (*results.items(), ("tar cz | cat", packed))],
                      ["seconds", "median", "least", "most"])
        print(f"how many times faster is cat 1.2.0.tar.gz ({GOALS['out']})")
        mounted.table([["than tar cz | cat", *spread(mounted.ratios(packed, gz))],
                       ["than tar c | cat", *spread(mounted.ratios(results["tar c | cat"], results["cat 1.2.0.tar.gz"]))]])
        self.drop(daemon)

    def random_reads(self):
        daemon = self.publish_model()
        plain = self.run.path("plain")
        shutil.copyfile(f"{self.model}/weights-0.bin", plain)
        with open(plain, "ab") as file:
            for number in range(1, FILES):
                with open(f"{self.model}/weights-{number}.bin", "rb") as source:
                    shutil.copyfileobj(source, file, BLOCK_BYTES)
        os.sync()
        release = f"{daemon.mount_point}/bench/1.2.0"
        places = {"plain file on the disk": plain, "1.2.0.tar": release + ".tar", "1.2.0.tar.gz": release + ".tar.gz",
                  "1.2.0.zip": release + ".zip", f"weights-0.bin, 1/{FILES} of it": release + "/weights-0.bin"}

        def read(path, cold):
            def way():
                daemon.stop()
                if cold:
                    mounted.drop_caches()
                daemon.start()
                return self.read_at_random(path)
            return way

        for cold in (False, True):
            if cold and not mounted.drop_caches():
                print("without the page cache: skipped, caches cannot be dropped here")
                break
            if not cold:
                warm(plain)
                warm(daemon.store + "/blobs")
            results = dict(zip(places, self.each_round(*(read(path, cold) for path in places.values()))))
            native = results["plain file on the disk"]
            rows = []
            for name, rounds in results.items():
                merged = [taken for each in rounds for taken in each]
                by_round = [[mounted.quantile(each, share) for each in rounds] for share in (0.5, 0.99)]
                native_p50 = [mounted.quantile(each, 0.5) for each in native]
                rows.append([name, *(f"{mounted.quantile(merged, share) * 1e6:.1f}" for share in (0.5, 0.99)),
                             *spread(mounted.ratios(by_round[0], native_p50))])
            print(f"{self.options.reads} reads of {READ_BYTES} bytes, {'nothing' if cold else 'the disk is'} in the page cache, "
                  "the mount is new: microseconds, and the ratio of p50 to the plain file")
            mounted.table(rows, ["", "p50", "p99", "ratio", "least", "most"])
        self.drop(daemon)

    def read_at_random(self, path):
        chance = random.Random(self.run.seed)
        file = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(file).st_size
            taken = []
            for _ in range(self.options.reads):
                offset = chance.randrange(max(1, size - READ_BYTES))
                begin = time.perf_counter()
                got = os.pread(file, READ_BYTES, offset)
                taken.append(time.perf_counter() - begin)
                if len(got) != min(READ_BYTES, size):
                    raise mounted.Violation(f"{path}: {len(got)} bytes at {offset}")
            return taken
        finally:
            os.close(file)

    def member(self):
        source, point = self.run.path("members"), self.run.path("foreign")
        os.mkdir(source)
        os.mkdir(point)
        for number in range(MEMBERS):
            write_weights(f"{source}/file-{number:02}", self.options.member_size, self.run.random, self.weights if number % 2 else None)
        last = f"file-{MEMBERS - 1:02}"
        wanted = mounted.digest(mounted.content_of(f"{source}/{last}"))
        archives = {suffix: self.run.path("members" + suffix) for suffix in (".tar.gz", ".zip", ".squashfs")}
        with_zip, with_squash = shutil.which("zip"), shutil.which("mksquashfs")
        shell('tar -C "$1" -czf "$2" .', source, archives[".tar.gz"])
        if with_zip:
            shell('cd "$1" && zip -qr "$2" .', source, archives[".zip"])
        if with_squash:
            timed("mksquashfs", source, archives[".squashfs"], "-quiet", "-no-progress")
        daemon = self.new_store()
        ingest_s = self.put(daemon, archives[".tar.gz"], "gz.tar.gz")

        def ours():
            daemon.stop()
            mount_s = daemon.start()
            return mount_s, self.read_member(f"{daemon.mount_point}/bench/gz/{last}", wanted)

        def tool(command, archive, before=None):
            def way():
                if before:
                    before()
                mount_s = self.foreign.mount([*command, archive, point], point, last)
                try:
                    return mount_s, self.read_member(f"{point}/{last}", wanted)
                finally:
                    self.foreign.unmount()
            return way

        ways, skipped = {"modelfs": ours}, []
        for name, needs, command, suffix in (("archivemount", "archivemount", ["archivemount", "-o", "ro"], ".tar.gz"),
                                             ("fuse-zip", "fuse-zip", ["fuse-zip", "-r"], ".zip"),
                                             ("squashfuse", "squashfuse", ["squashfuse"], ".squashfs")):
            if shutil.which(needs) is None or not os.path.exists(archives[suffix]):
                skipped.append(f"{name}: it or the program that packs for it is not installed")
            else:
                ways[f"{name}, {suffix}"] = tool(command, archives[suffix])
        index = self.run.path("members.index")
        if (ratarmount := foreign.install_ratarmount(self.run.path("venv"), skipped)) is not None:
            command = [ratarmount, "--index-file", index]
            ways["ratarmount, .tar.gz, first time"] = tool(command, archives[".tar.gz"], lambda: forget(index))
            ways["ratarmount, .tar.gz, with its index"] = tool(
                command, archives[".tar.gz"], lambda: self.make_index(index, command, archives[".tar.gz"], point, last))
        results = dict(zip(ways, self.each_round(*ways.values())))
        base = [sum(steps) for steps in results["modelfs"]]
        base_read = [steps[1] for steps in results["modelfs"]]
        rows = []
        for name, rounds in results.items():
            mount, read = ([steps[i] for steps in rounds] for i in (0, 1))
            both = [sum(steps) for steps in rounds]
            rows.append([name, f"{median(mount) * 1000:.1f}", f"{median(read) * 1000:.2f}", f"{median(both) * 1000:.1f}",
                         *spread(mounted.ratios(both, base)), *spread(mounted.ratios(read, base_read))])
        print(f"the last of {MEMBERS} files of {self.options.member_size} bytes: milliseconds, and ratios to modelfs. "
              f"Put into modelfs once before, by cp in {ingest_s:.2f} s; its mount is the daemon's start")
        mounted.table(rows, ["", "mount", "read", "both", "ratio of both", "least", "most", "ratio of read", "least", "most"])
        for text in skipped:
            print(f"skipped: {text}")
        self.drop(daemon)

    def read_member(self, path, wanted):
        begin = time.monotonic()
        content = mounted.content_of(path)
        taken = time.monotonic() - begin
        if mounted.digest(content) != wanted:
            self.run.violation(f"{path} has other bytes")
        return taken

    def make_index(self, index, command, archive, point, last):
        if os.path.exists(index):
            return
        self.foreign.mount([*command, archive, point], point, last)
        self.foreign.unmount()

    def disk(self):
        unpacked = tree_bytes(self.model)
        rows = []
        for name, program, suffix, line in WRITERS:
            if program and shutil.which(program) is None:
                rows.append([name, f"skipped: no {program}"])
                continue
            packed = self.run.path("packed" + suffix)
            if line is None:
                with tarfile.open(packed, "w:gz") as out:
                    out.add(self.model, ".")
            else:
                shell(line, packed, cwd=self.model)
            daemon = self.new_store()
            taken = self.put(daemon, packed, "1.2.0" + suffix)
            settled = self.settle(daemon)
            archive_bytes = os.path.getsize(packed)
            os.unlink(packed)
            daemon.stop()
            used = disk_bytes(daemon.store)
            rows.append([name, archive_bytes, used, f"{used / unpacked:.3f}", f"{used / (unpacked + archive_bytes):.3f}", f"{taken:.2f}",
                         settled])
            self.drop(daemon)
        print(f"{unpacked} bytes unpacked; what the store occupies, by du ({GOALS['disk']})")
        mounted.table(rows, ["writer", "archive", "store", "to unpacked", "to both kept", "cp s", "settled"])

    def settle(self, daemon):
        """Waits until no archive waits for its recipe. After how long, or why not."""
        def archives():
            return daemon.json("status").get("archives")

        begin = time.monotonic()
        if archives() is None:
            return "not told of"
        try:
            mounted.wait_for(lambda: not archives().get("waiting"), "the archive settles", self.options.settle_limit, 0.1)
        except TimeoutError:
            return f"not within {self.options.settle_limit} s"
        told = " ".join(f"{key}={value}" for key, value in archives().items() if value)
        return f"{time.monotonic() - begin:.1f} s: {told}"

    def memory(self):
        rows = []
        for suffix, line in ((".tar.gz", None), (".tar", 'tar -C "$1" -cf "$2" .'), (".zip", 'cd "$1" && zip -qr "$2" .'),
                             (".tar.zst", 'tar -C "$1" -c . | zstd -q > "$2"')):
            packed = self.archive
            if line:
                packed = self.run.path("memory" + suffix)
                try:
                    shell(line, self.model, packed, stderr=subprocess.DEVNULL)
                except subprocess.CalledProcessError:
                    rows.append([suffix, "skipped: it cannot be packed here"])
                    continue
            daemon = self.new_store()
            before = peak_kib(daemon.pid)
            self.put(daemon, packed, "1.2.0" + suffix)
            rows.append([suffix, f"{os.path.getsize(packed) >> 20}", f"{before / 1024:.0f}", f"{peak_kib(daemon.pid) / 1024:.0f}"])
            self.drop(daemon)
            if line:
                os.unlink(packed)
        mounted.table(rows, ["MiB", "archive", "peak before", "peak after the ingest"])


def forget(path):
    if os.path.exists(path):
        os.unlink(path)


def add_options(parser):
    parser.add_argument("--quick", action="store_true", help="64 MiB, 3 rounds, 500 reads")
    parser.add_argument("--size", type=bytes_of, default=1 << 30, help="of the model: 64M, 1G")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reads", type=int, default=2000, help="of a round, at random")
    parser.add_argument("--member-size", type=bytes_of, default=1 << 20)
    parser.add_argument("--settle-limit", type=int, default=900, metavar="SECONDS")
    parser.add_argument("--only", choices=PARTS, action="append")


def body(run, options):
    if options.quick:
        options.size, options.rounds, options.reads = 64 << 20, 3, 500
    needed = options.size * 6
    if shutil.disk_usage(run.directory).free < needed:
        mounted.skip(f"needs {needed >> 30} GiB of disk in {run.directory}; use --dir, --size or --quick")
    bench = Bench(run, options)
    parts = {"ingest": bench.ingest, "out": bench.out, "random": bench.random_reads, "member": bench.member, "disk": bench.disk,
             "memory": bench.memory}
    try:
        bench.prepare()
        for name in PARTS:
            if not options.only or name in options.only:
                print(f"\n-- {name}", flush=True)
                parts[name]()
    except (mounted.Violation, TimeoutError, subprocess.SubprocessError) as error:
        run.violation(str(error))
    finally:
        bench.foreign.unmount()


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
