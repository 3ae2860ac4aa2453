"""A store, a daemon that serves it and trees of files to compare: what the programs against a real mount share."""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

EXIT_SKIPPED = 77  # ctest: SKIP_RETURN_CODE
START_LIMIT_S = 30
END_LIMIT_S = 30
VIOLATIONS_SAID_MAX = 20  # the others are counted
INLINE_BYTES_MAX = 64 * 1024  # of a blob: larger ones are files in STORE/blobs, others lie in the catalog


class Violation(Exception):
    """What must not be."""


def need_disk(run, needed_bytes):
    """Skips the run where its disk has less than that."""
    if shutil.disk_usage(run.directory).free < needed_bytes:
        skip(f"needs {needed_bytes >> 30} GiB of disk in {run.directory}; use --dir or --quick")


def skip(why):
    print(f"skipped: {why}")
    sys.exit(EXIT_SKIPPED)


def need_fuse():
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        skip(f"/dev/fuse cannot be opened: {error.strerror}")


def wait_for(condition, what, limit_s=START_LIMIT_S, pause_s=0.002):
    """Returns the first true value of `condition()`."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {limit_s} s")
        time.sleep(pause_s)


def default_signals():
    """For a forked child: the parent cleans up."""
    signal.alarm(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)


def is_mounted(path):
    path = os.path.realpath(os.path.dirname(path)) + "/" + os.path.basename(path)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        return any(line.split(" ", 5)[4] == path for line in table)


def detach(path):
    """umount -l, whatever is left of the mount."""
    while is_mounted(path):
        tried = [["umount", "-l", path], ["fusermount3", "-u", "-z", path]]
        if not any(subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0 for command in tried):
            raise RuntimeError(f"{path} cannot be unmounted")


class Daemon:
    """A daemon in the foreground, as our child, so that its pid is nobody else's."""

    def __init__(self, binary, store, mount_point, log_path):
        self.binary, self.store, self.mount_point, self.log_path = binary, store, mount_point, log_path
        self.options = ""  # of mount -o
        self.volatile = False  # its store is in memory, and `store` is not used
        self.remote = None  # the registry of many hosts that the store follows
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def share(self):
        """Makes a registry of many hosts for it, in a directory beside its store; or in the bucket of MODELFS_TEST_S3."""
        shared = self.store + ".shared"
        bucket = os.environ.get("MODELFS_TEST_S3")
        if bucket:
            self.remote = f"{bucket.rstrip('/')}/{os.path.basename(os.path.dirname(shared))}-{os.path.basename(shared)}"
        else:
            os.makedirs(shared, exist_ok=True)
            self.remote = "file://" + shared
        done = self.command("init", self.remote)
        if done.returncode != 0:
            raise Violation(f"modelfs init: {done.stderr}")

    def launch(self):
        os.makedirs(self.mount_point, exist_ok=True)
        verb = [] if os.path.basename(self.binary) == "mini" else ["mount"]
        # So that the tests can be run in another mode; tests/mount reads it too.
        options = ",".join(filter(None, [self.options, os.environ.get("MODELFS_TEST_MOUNT_OPTIONS")]))
        if verb and options:
            verb += ["-o", options]
        with open(self.log_path, "ab") as log:
            place = ["--volatile"] if self.volatile else [self.remote or self.store]
            own = ["--store", self.store] if self.remote else []
            self.process = subprocess.Popen([self.binary, *verb, "-f", *place, self.mount_point, *own],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self):
        """Returns the seconds from the start of the program until the mount answers."""
        begin = time.monotonic()
        self.launch()
        wait_for(lambda: is_mounted(self.mount_point) or self.process.poll() is not None, "the mount appears")
        if self.process.poll() is not None:
            raise Violation(f"the daemon ended with {self.process.returncode} when it was started: {self.log_tail()}")
        os.stat(self.mount_point)
        return time.monotonic() - begin

    def log_tail(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-15:])

    def kill(self):
        """kill -9, and the dead mount goes."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait(END_LIMIT_S)
        detach(self.mount_point)

    def stop(self):
        """The orderly end."""
        self.process.terminate()
        code = self.process.wait(END_LIMIT_S)
        if code != 0:
            raise Violation(f"the daemon ended with {code} after SIGTERM: {self.log_tail()}")
        detach(self.mount_point)

    def command(self, *arguments):
        return subprocess.run([self.binary, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)

    def json(self, verb):
        """`modelfs verb --store STORE --json`; a failure is a violation."""
        done = self.command(verb, "--store", self.store, "--json")
        if done.returncode != 0:
            raise Violation(f"modelfs {verb}: exit code {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)


class Run:
    """A directory for everything that is made, daemons that end with it, the seed, and the violations."""

    def __init__(self, options):
        self.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
        self.binary = options.modelfs
        self.keep = options.keep
        self.violations = []
        self.daemons = []
        self.begin = time.monotonic()
        self.directory = tempfile.mkdtemp(prefix="modelfs-", dir=options.dir)
        self.random = random.Random(self.seed)
        print(f"{os.path.basename(sys.argv[0])}: seed {self.seed}, in {self.directory}", flush=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def daemon(self, name):
        daemon = Daemon(self.binary, self.path(name), self.path(name + ".mnt"), self.path(name + ".log"))
        self.daemons.append(daemon)
        return daemon

    def violation(self, text):
        self.violations.append(text)
        if len(self.violations) <= VIOLATIONS_SAID_MAX:
            print(f"VIOLATION: {text}", flush=True)

    def end(self):
        for daemon in self.daemons:
            with contextlib.suppress(Exception):
                daemon.kill()
        if self.keep:
            print(f"kept: {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)


def program(description, add_options, body, needs_command=True, names_program=True):
    """The frame of every program: options, skipping, cleaning up also after a signal, the exit code. `names_program`: by --modelfs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--modelfs", default=os.environ.get("MODELFS"), help="the program; or $MODELFS")
    parser.add_argument("--dir", default=os.environ.get("TMPDIR", "/tmp"), help="where the stores are made")
    parser.add_argument("--seed", type=int, help="repeats a run")
    parser.add_argument("--keep", action="store_true", help="leave the directory behind")
    parser.add_argument("--limit", type=int, default=0, metavar="SECONDS", help="give up after so long")
    add_options(parser)
    options = parser.parse_args()
    if names_program and not options.modelfs:
        parser.error("name the program: --modelfs or $MODELFS")
    options.modelfs = os.path.abspath(options.modelfs or "modelfs")
    need_fuse()
    if needs_command and os.path.basename(options.modelfs) == "mini":
        parser.error("this needs the whole command")

    def give_up(number, _frame):
        raise SystemExit(f"ended by {signal.Signals(number).name}")

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, give_up)
    signal.alarm(options.limit)
    run = Run(options)
    try:
        body(run, options)
    finally:
        signal.alarm(0)
        run.end()
    print(f"{len(run.violations)} violations, {time.monotonic() - run.begin:.1f} s, seed {run.seed}")
    sys.exit(1 if run.violations else 0)


def table(rows, heading=()):
    """Prints rows of text, the first column left, the others right."""
    rows = [[str(cell) for cell in row] for row in ([heading] if heading else []) + list(rows)]
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())
        if heading and number == 0:
            print("  ".join("-" * width for width in widths))
    sys.stdout.flush()


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


# Trees.


def ratios(above, below):
    return [one / other for one, other in zip(above, below)]


def drop_caches():
    """Empties the page cache; false where only root may."""
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
            file.write("3\n")
        return True
    except OSError:
        return False


def write_file(path, content):
    # One write, as most programs do it; the close is where the daemon's sum is ready.
    with open(path, "wb", buffering=0) as file:
        view = memoryview(content)
        while view:
            view = view[file.write(view):]


def make_tree(root, files):
    """`files`: relative path -> bytes."""
    os.mkdir(root)
    made = {""}
    for path, content in files.items():
        # Why not makedirs: when the mount has gone meanwhile, it would make the way there in the directory below.
        directory = ""
        for part in path.split("/")[:-1]:
            directory = os.path.join(directory, part)
            if directory not in made:
                os.mkdir(os.path.join(root, directory))
                made.add(directory)
        write_file(os.path.join(root, path), content)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


def files_of(root):
    """relative path -> bytes, of regular files; a violation where it cannot be read."""
    found = {}
    for place, _, names in os.walk(root, onerror=_refuse):
        for name in names:
            path = os.path.join(place, name)
            found[os.path.relpath(path, root)] = content_of(path)
    return found


def _refuse(error):
    raise error


def difference(root, files):
    """What is wrong with the tree at `root`, which should be `files`; empty: nothing."""
    try:
        found = files_of(root)
    except OSError as error:
        return f"{root}: {error}"
    if found == files:
        return ""
    if missing := sorted(files.keys() - found.keys()):
        return f"{root}: {missing} missing"
    if surplus := sorted(found.keys() - files.keys()):
        return f"{root}: {surplus} not expected"
    wrong = [path for path in files if files[path] != found[path]]
    return f"{root}: other bytes in {wrong}"


def attributes_of(root):
    """relative path -> (type, permission bits, mtime, target or digest), the root as '.'; its mtime is not in it."""
    found = {}
    for place, directories, names in os.walk(root, onerror=_refuse):
        for name in [".", *directories, *names] if place == root else directories + names:
            path = os.path.join(place, name)
            info = os.lstat(path)
            kind = stat.S_IFMT(info.st_mode)
            value = ""
            if kind == stat.S_IFLNK:
                value = os.readlink(path)
            elif kind == stat.S_IFREG:
                value = f"{info.st_size} {digest(content_of(path))}"
            mtime = 0 if name == "." else info.st_mtime_ns
            found[os.path.normpath(os.path.relpath(path, root))] = (kind, stat.S_IMODE(info.st_mode), mtime, value)
    return found


# The store from below.


def blob_files(store):
    """The names of all files in STORE/blobs."""
    return {name for _, _, names in os.walk(os.path.join(store, "blobs")) for name in names}


def check_draft_files(store, root):
    """After gc."""
    if (wrong := wrong_draft_files(store, root)) != ([], []):
        raise Violation(f"after gc: {wrong[0]} in drafts/ are nobody's, {wrong[1]} missing")


def draft_files(store):
    """The names of all files in STORE/drafts: inode numbers in hexadecimal."""
    return {name for _, _, names in os.walk(os.path.join(store, "drafts")) for name in names}


def wrong_draft_files(store, root):
    """Of the files in STORE/drafts: which are none of the drafts that the mount shows below `root`, and which of the large ones are missing."""
    shown = [os.lstat(os.path.join(place, name)) for place, _, names in os.walk(root, onerror=_refuse) for name in names]
    sizes = {f"{entry.st_ino:x}": entry.st_size for entry in shown if stat.S_ISREG(entry.st_mode)}
    files = draft_files(store)
    # What was small when it was written lies in the catalog.
    return sorted(files - sizes.keys()), sorted({name for name, size in sizes.items() if size > INLINE_BYTES_MAX} - files)


def large_blobs(contents):
    return {digest(content) for content in contents if len(content) > INLINE_BYTES_MAX}
