#!/usr/bin/env python3
"""Lets a disk-changing system call of a verb fail, with EIO or ENOSPC, once or from then on: afterwards the old or the new is there, whole.

A store is prepared once. Each verb of the table (a rename that publishes, the close of an archive, of a package, of a tag, of a model's
document, the settling of an archive, labels, removal, restoring, domains, gc) is run once under strace, which gives the list of its
disk-changing calls in each thread, and what is there before and after it. Then, for these calls, in random order as long as the time lasts (`--all`: for each), a
fresh copy of the store is served, and strace makes that call fail. After each: who asked was answered; the mount heals, which its next
writer sees; what is there is what was there before, or what the verb makes of it, and the latter if it had answered 0; `verify` finds
nothing; and all of this once more after another start and a gc.

A new verb is one line of VERBS.

A tmpfs is the quickest place for it (`--dir /dev/shm`): the calls are made to fail all the same, and none waits for a disk.
"""

import errno
import gzip
import io
import os
import re
import shutil
import subprocess
import tarfile
import time
import zipfile

import kill
import mounted

P = "operatorai-model-store"
STATE = "14046f11-3dbb-4a0e-9f29-0f1dfb373ce8"
TAG = f'states = ["{STATE}"]\n\n[training]\ntimestamp = 2026-03-04T05:06:07\nordinal = 42\n\n[tuning]\n'.encode()
DOCUMENT = (f'{{"model": {{"domain": "fraud", "model_id": "m1", "model_type": {{"library": "sklearn"}}}}, "storage": {{"type": '
            f'"file_system", "root": "/", "path": "/{P}/fraud/2026.11.21/m1/artifacts.tar.gz"}}, "modelstore": "0.0.81"}}').encode()
ANSWER_LIMIT_S = 60
HEAL_LIMIT_S = 15
# What answers the kernel, too: where it fails from then on, nobody is answered.
NEVER_LASTING = {"writev"}
# Asked with no flags, as RocksDB asks whether there is such a call, it never fails, and RocksDB's Debian build asserts so.
# Source: sync_file_range(2); IsSyncFileRangeSupported in RocksDB 7.8, env/io_posix.cc.
NEVER_FAILS = {"sync_file_range"}
SETTLING = "settle an archive"
CONVERSATIONS = "control"  # the thread that begins them
# What one run makes and the next makes otherwise: numbers of models, moments, and what is asked of a process or of the system's list of
# users, which may fail or be over.
MADE_UP = re.compile(r"(?<=\"runtime\":\")[^\"]*|(?<=\"user\":\")[^\"]*|(?<=\"published_by\":\")[^\"]*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)?|\d{4}/\d\d/\d\d/[0-9:/]+")


def plain_tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def tar_of(files):
    return gzip.compress(plain_tar_of(files), mtime=0)


def package_of(version):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, text in {"__4ml__.py": f'NAME = "hello"\nVERSION = "{version}"\nPACKAGE = "hello"\nMODULES = {{}}',
                           "hello/__init__.py": "x = 1\n"}.items():
            packed.writestr(zipfile.ZipInfo(name), text)  # of 1980, so that it is the same in every run
    return out.getvalue()


def large(name):
    """Bytes that become a blob file, the same in every run."""
    return (name.encode() + b" ") * (200_000 // (len(name) + 1))


def publish(root, name):
    mounted.make_tree(f"{root}/d/.stage/{name}", {"weights": large(name), "small": name.encode()})
    os.rename(f"{root}/d/.stage/{name}", f"{root}/d/{name}")


def prepare(run):
    """Everything that some verb works on; the store is stopped."""
    daemon = run.daemon("prepared")
    daemon.start()
    root = daemon.mount_point
    for domain in ("d", "f", "hollow"):
        os.mkdir(f"{root}/{domain}")
    for name in ("v0", "v1", "gone"):
        publish(root, name)
    os.symlink("v0", f"{root}/d/prod")
    os.symlink("v0", f"{root}/d/candidate")
    os.rename(f"{root}/d/gone", f"{root}/.modelfs/trash/d/gone")
    mounted.make_tree(f"{root}/d/.stage/x", {"weights": large("x"), "more": large("y"), "sub/small": b"small", "shared": large("v0")})
    mounted.make_tree(f"{root}/d/.stage/g", {"weights": large("g"), "small": b"g"})
    for version in ("0.1", "0.2"):
        os.mkdir(f"{root}/f/{version}")
    mounted.write_file(f"{root}/f/0.1/package.4ml", package_of("0.1"))
    os.mkdir(f"{root}/f/0.1/1")
    mounted.write_file(f"{root}/f/0.1/1/{STATE}.bin", large("state"))
    models = f"{root}/{P}/fraud"
    os.makedirs(f"{models}/2026.11.21/m1")
    os.makedirs(f"{models}/versions")
    mounted.write_file(f"{models}/2026.11.21/m1/artifacts.tar.gz", tar_of({"model.joblib": large("model")}))
    mounted.wait_for(lambda: quiet(daemon), "the store is swept", pause_s=0.3)
    daemon.stop()
    # What gc finds: files of drafts that are gone, also one that nobody has finished to copy.
    for name in ("7fffff00", "7fffff01.own"):
        folder = f"{daemon.store}/drafts/{name[6:8]}"
        os.makedirs(folder, exist_ok=True)
        mounted.write_file(f"{folder}/{name}", large(name))


def write_whole(path, data):
    """open(O_TRUNC), writes, close: as clients do it."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        while data:
            data = data[os.write(fd, data):]
    finally:
        os.close(fd)


def collect(daemon):
    done = daemon.command("gc", "--store", daemon.store)
    if done.returncode != 0:
        raise OSError(errno.EIO, done.stderr)


VERBS = {
    "publish by rename": lambda at: os.rename(f"{at.mount_point}/d/.stage/x", f"{at.mount_point}/d/v2"),
    "publish a generation": lambda at: os.rename(f"{at.mount_point}/d/.stage/g", f"{at.mount_point}/d/v0/next"),
    "close of an archive": lambda at: write_whole(f"{at.mount_point}/d/v3.tar.gz", tar_of({"weights": large("z"), "small": b"z"})),
    # Plain, so that a recipe takes its place and its bytes go.
    SETTLING: lambda at: write_whole(f"{at.mount_point}/d/v3.tar", plain_tar_of({"weights": large("z"), "small": b"z"})),
    "close of a package": lambda at: write_whole(f"{at.mount_point}/f/0.2/package.4ml", package_of("0.2")),
    "close of a tag": lambda at: write_whole(f"{at.mount_point}/f/0.1/1/tag.toml", TAG),
    "close of a model's document": lambda at: write_whole(f"{at.mount_point}/{P}/fraud/versions/m1.json", DOCUMENT),
    "label": lambda at: os.symlink("v1", f"{at.mount_point}/d/new"),
    "move a label": lambda at: os.rename(f"{at.mount_point}/d/candidate", f"{at.mount_point}/d/prod"),
    "remove a label": lambda at: os.unlink(f"{at.mount_point}/d/prod"),
    "remove": lambda at: os.rename(f"{at.mount_point}/d/v1", f"{at.mount_point}/.modelfs/trash/d/v1"),
    "restore": lambda at: os.rename(f"{at.mount_point}/.modelfs/trash/d/gone", f"{at.mount_point}/d/gone"),
    "make a domain": lambda at: os.mkdir(f"{at.mount_point}/e"),
    "remove a domain": lambda at: os.rmdir(f"{at.mount_point}/hollow"),
    "gc": collect,
}


def quiet(daemon):
    """No thread of it does anything for the disk or the processor since the last look."""
    with open(f"/proc/{daemon.pid}/stat", encoding="utf-8") as stat:
        used = stat.read().rsplit(")", 1)[1].split()[11:13]
    was, daemon.used = getattr(daemon, "used", None), used
    return was == used


def settled(daemon):
    """No archive waits to be looked at; not known while the catalog is reopened."""
    try:
        return daemon.json("status")["archives"]["waiting"] == 0
    except mounted.Violation:
        return False


def members_of(archive):
    """Of one that is made from a release, the times of its directories aside: these are of the moment when it was unpacked."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return repr(sorted((member.name, tar.extractfile(member).read() if member.isfile() else b"") for member in tar)).encode()


def world(root):
    """path -> what it shows, of everything but modelfs' own files."""
    shown = {}
    # What a listing leaves out: the trash, and the drafts.
    hidden = [f"{root}/{domain}/.stage" for domain in os.listdir(root) if os.path.isdir(f"{root}/{domain}/.stage")]
    for place in [root, f"{root}/.modelfs/trash", *hidden]:
        for directory, names, files in os.walk(place, onerror=mounted._refuse):
            names[:] = [name for name in names if name not in (".modelfs", ".stage")]
            for name in names + files:
                path = f"{directory}/{name}"
                text = ""
                if os.path.islink(path):
                    text = os.readlink(path)
                elif name in files:
                    content = mounted.content_of(path)
                    if name.endswith(".json"):
                        content = MADE_UP.sub("*", content.decode()).encode()
                    if name.endswith(".tar.gz"):
                        content = members_of(content)
                    # What is short is kept, for whoever reads how it differs.
                    text = content.decode() if name.endswith(".json") else mounted.digest(content)
                # A tag's states keep their names, as a client gives them.
                shown[os.path.relpath(path, root) if STATE in path else MADE_UP.sub("*", os.path.relpath(path, root))] = text
    return shown


def fresh_daemon(run):
    daemon = run.daemon("work")
    shutil.rmtree(daemon.store, ignore_errors=True)
    subprocess.run(["cp", "-a", run.path("prepared"), daemon.store], check=True)
    daemon.start()
    return daemon


def ask(daemon, verb):
    """Runs it in a process of its own. Returns its errno, or 0."""
    ours, theirs = kill.context.Pipe(duplex=False)

    def child():
        mounted.default_signals()
        try:
            VERBS[verb](daemon)
            theirs.send(0)
        except OSError as error:
            theirs.send(error.errno)

    process = kill.context.Process(target=child, daemon=True)
    process.start()
    theirs.close()
    if not ours.poll(ANSWER_LIMIT_S):
        raise mounted.Violation(f"no answer within {ANSWER_LIMIT_S} s")
    answer = ours.recv()
    process.join()
    return answer


class Verb:
    """What one verb does to the disk, and what is there before and after it."""

    def __init__(self, run, name):
        self.name = name
        daemon = fresh_daemon(run)
        self.old = world(daemon.mount_point)
        kind_of = {thread: kind for kind, threads in kill.threads_of(daemon.pid).items() for thread in threads}
        strace = kill.Strace(list(kind_of), run.path("count.strace"), "-f")
        if not strace.attached():
            mounted.skip(f"strace may not attach here: {strace.complaint.strip()}")
        if (answer := ask(daemon, name)) != 0:
            raise mounted.Violation(f"{name}: {errno.errorcode.get(answer, answer)} without a fault")
        if name == SETTLING:
            mounted.wait_for(lambda: settled(daemon), "the archive is settled", pause_s=0.1)
        mounted.wait_for(lambda: quiet(daemon), "the daemon is quiet", pause_s=0.3)
        strace.end()
        self.new = world(daemon.mount_point)
        calls = {}
        for call in kill.Call.parse(strace.lines()):
            kind = kind_of.get(call.thread, CONVERSATIONS)  # a thread of its own each
            # Settling goes on behind the close that brought the archive.
            if (kind == "compact") == (name == SETTLING):
                calls.setdefault(kind, []).append(call)
        self.points = kill.points_of(calls, daemon.store)
        daemon.stop()

    def check(self, daemon, answer):
        """Returns whether the new is there."""
        shown = world(daemon.mount_point)
        report = daemon.json("verify")
        if report["problem_count"] != 0:
            raise mounted.Violation(f"verify: {report['problems']}")
        if shown == self.new:
            return True
        if shown != self.old:
            differs = [sorted(path for path in shown.keys() | other.keys() if shown.get(path) != other.get(path))[:8] for other in (self.old, self.new)]
            example = differs[1][0]
            raise mounted.Violation(f"neither old nor new; from the old differ {differs[0]}, from the new {differs[1]}: "
                                    f"{shown.get(example)}, and not {self.new.get(example)}")
        if answer == 0:
            raise mounted.Violation("it had answered 0, and the old is there")
        return False


def heals(daemon):
    probe = f"{daemon.mount_point}/d/.stage/probe"
    try:
        os.mkdir(probe)
        os.rmdir(probe)
        return True
    except OSError:
        return False


def failed_in(strace):
    return any("(INJECTED)" in line for line in strace.lines())


def fail_at(run, verb, point, error, lasting):
    """Returns (answer, whether the new is there, whether the call was made at all)."""
    kind, number, call = point
    daemon = fresh_daemon(run)
    when = f"{number}+" if lasting else str(number)
    threads = mounted.wait_for(lambda: kill.threads_of(daemon.pid).get(kind), f"a thread of the kind {kind}")
    # Why not always: with -f the other threads are traced as well, and each meets the fault.
    also = ["-f"] if kind == CONVERSATIONS else []
    strace = kill.Strace(threads, run.path("fault.strace"), *also, "-e", f"inject={call.name}:error={error}:when={when}")
    strace.attached()
    try:
        answer = ask(daemon, verb.name)
        if verb.name == SETTLING:
            mounted.wait_for(lambda: failed_in(strace) or settled(daemon), "the archive is settled, or the call has failed", pause_s=0.1)
        mounted.wait_for(lambda: quiet(daemon), "the daemon is quiet", pause_s=0.1)
    finally:
        strace.end()
    if daemon.process.poll() is not None:
        raise mounted.Violation(f"the daemon ended with {daemon.process.returncode}: {daemon.log_tail()}")
    mounted.wait_for(lambda: heals(daemon), "the mount heals", HEAL_LIMIT_S, 0.05)
    mounted.wait_for(lambda: quiet(daemon), "what was uncertain is known", pause_s=0.1)
    present = verb.check(daemon, answer)
    daemon.stop()
    daemon.start()
    if verb.check(daemon, answer) != present:
        raise mounted.Violation(f"{'new' if present else 'old'} before another start, and not after it")
    daemon.json("gc")
    if verb.check(daemon, answer) != present:
        raise mounted.Violation("gc has changed what is there")
    daemon.stop()
    return answer, present, failed_in(strace)


def add_options(parser):
    parser.add_argument("--all", action="store_true", help="every call of every verb, however long it takes")
    parser.add_argument("--seconds", type=int, default=150, help="begin no further fault after so long")
    parser.add_argument("--only", help="verbs whose name has this in it")
    parser.add_argument("--verbose", action="store_true", help="say what became of each fault")


def body(run, options):
    if shutil.which("strace") is None:
        mounted.skip("no strace")
    prepare(run)
    deadline = time.monotonic() + options.seconds
    faults, counts = [], {}
    for name in VERBS:
        if options.only and options.only not in name:
            continue
        verb = Verb(run, name)
        if not verb.points:
            run.violation(f"{name}: no disk-changing call was seen")
        counts[name] = {"calls": len(verb.points), "faults": 0, "made": 0, "answered 0": 0, "new": 0}
        for point in (point for point in verb.points if point[2].name not in NEVER_FAILS):
            for error in ("EIO", "ENOSPC"):
                faults += [(verb, point, error, lasting) for lasting in (False, True) if not lasting or point[2].name not in NEVER_LASTING]
    run.random.shuffle(faults)
    for verb, point, error, lasting in faults:
        if time.monotonic() > deadline and not options.all:
            break
        title = f"{verb.name}: {point[0]} call {point[1]}, {point[2].name} {point[2].place(run.path('work'))}, {error} {'from then on' if lasting else 'once'}"
        try:
            answer, present, made = fail_at(run, verb, point, error, lasting)
            if options.verbose:
                print(f"{title}: answered {errno.errorcode.get(answer, answer)}, {'new' if present else 'old'}", flush=True)
            counts[verb.name]["faults"] += 1
            counts[verb.name]["made"] += made
            counts[verb.name]["answered 0"] += answer == 0
            counts[verb.name]["new"] += present
        except (mounted.Violation, TimeoutError, OSError) as violation:
            run.violation(f"{title}: {violation}")
            run.daemons[-1].kill()
            if len(run.violations) > 8:
                break
    mounted.table([[name, *each.values()] for name, each in counts.items()], ["verb", "calls", "faults", "made", "answered 0", "new"])
    print(f"{sum(each['faults'] for each in counts.values())} of {len(faults)} faults")


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
