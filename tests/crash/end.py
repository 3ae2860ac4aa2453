#!/usr/bin/env python3
"""Ends the daemon in each of its orderly ways (SIGTERM, SIGINT, SIGHUP, `modelfs umount`, `umount -l`) at a random moment of each kind of
commit: a rename, the attribute, the closes of an archive, of package.4ml, of tag.toml and of a modelstore document, and `put` and `commit`
through the socket. Whoever was told that it was done finds it in the store, and whoever was told why not does not. Nobody waits for ever,
and after a signal the daemon ends within 10 s.
"""

import errno
import io
import json
import multiprocessing
import os
import signal
import subprocess
import tarfile
import time
import uuid
import zipfile

import mounted

context = multiprocessing.get_context("fork")

PIECE_BYTES = 12 << 20  # of a model: enough for a moment to fall into its sum
END_LIMIT_S = 10
P = "operatorai-model-store"
# What the kernel says for a daemon that is gone. It may have been done before.
UNKNOWN = {errno.ENOTCONN, errno.ECONNABORTED, errno.EIO}


def tar_of(content, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, **({"compresslevel": 1} if mode == "w:gz" else {})) as tar:
        member = tarfile.TarInfo("weights.bin")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def package_of(name, version, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("__4ml__.py", f'NAME = "{name}"\nVERSION = "{version}"\nPACKAGE = "p"\nMODULES = {{}}')
        archive.writestr("weights.bin", content)
    return out.getvalue()


def closing(path, content):
    """Writes all but the close, which is the step that decides. The first bytes last, so that all of the work is the close's."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    os.pwrite(fd, content[1:], 1)
    os.pwrite(fd, content[:1], 0)
    return lambda: os.close(fd)


class Commit:
    """One commit: prepared in the mount, which is the working directory; step() decides it, and raises OSError."""

    def __init__(self, number, content, daemon):
        self.number, self.content, self.daemon = number, content, daemon
        self.what = f"d/{number}"  # as `modelfs show` is asked for it

    def draft(self, path):
        os.makedirs(path)
        mounted.write_file(f"{path}/weights.bin", self.content)

    def command(self, *arguments):
        done = self.daemon.command(*arguments, "--store", self.daemon.store)
        if done.returncode != 0:
            # A command that was not answered knows as little as its user.
            unknown = "closed the connection" in done.stderr or "closed the connection" in done.stdout
            raise OSError(errno.EIO if unknown else errno.EBUSY, done.stderr.strip())


class Rename(Commit):
    def prepare(self):
        self.draft(f"d/.stage/{self.number}")
        return lambda: os.rename(f"d/.stage/{self.number}", f"d/{self.number}")


class Attribute(Commit):
    def prepare(self):
        self.draft(f"d/{self.number}")
        return lambda: os.setxattr(f"d/{self.number}", "user.modelfs.commit", b"1")


class Archive(Commit):
    def prepare(self):
        return closing(f"d/{self.number}.tar", tar_of(self.content))


class Package(Commit):
    def prepare(self):
        os.mkdir(f"d/{self.number}")
        return closing(f"d/{self.number}/package.4ml", package_of("d", self.number, self.content))


class Tag(Commit):
    def prepare(self):
        self.draft(f"d/.stage/{self.number}")
        os.rename(f"d/.stage/{self.number}", f"d/{self.number}")
        self.what = f"d/{self.number}/1"
        state = uuid.UUID(int=self.number)
        os.makedirs(f"d/{self.number}/.stage", exist_ok=True)
        mounted.write_file(f"d/{self.number}/.stage/{state}.bin", self.content)
        os.mkdir(f"d/{self.number}/1")
        os.rename(f"d/{self.number}/.stage/{state}.bin", f"d/{self.number}/1/{state}.bin")
        return closing(f"d/{self.number}/1/tag.toml",
                       f'states = [ "{state}",]\n\n[training]\ntimestamp = 2026-03-04T05:06:07\n\n[tuning]\n\n'.encode())


class Document(Commit):
    def prepare(self):
        model = f"m-{self.number}"
        self.what = f"d/{model}"
        path = f"{P}/d/2026.11.21-21.22.47/{model}/artifacts.tar.gz"
        os.makedirs(os.path.dirname(path))
        os.makedirs(f"{P}/d/versions", exist_ok=True)
        mounted.write_file(path, tar_of(self.content, "w:gz"))
        root = self.daemon.mount_point
        text = json.dumps({"model": {"domain": "d", "model_id": model, "model_type": {"library": "sklearn"}},
                           "storage": {"type": "file_system", "root": root, "path": f"{root}/{path}"}, "modelstore": "0.0.81"})
        return closing(f"{P}/d/versions/{model}.json", text.encode())


class Put(Commit):
    def prepare(self):
        source = f"{self.daemon.store}.source"
        os.makedirs(source, exist_ok=True)
        mounted.write_file(f"{source}/weights.bin", self.content)
        os.chdir("/")
        return lambda: self.command("put", source, f"d/{self.number}")


class CommitByCommand(Commit):
    def prepare(self):
        self.draft(f"d/.stage/{self.number}")
        os.chdir("/")
        return lambda: self.command("commit", f"d/.stage/{self.number}", f"d/{self.number}")


KINDS = (Rename, Attribute, Archive, Package, Tag, Document, Put, CommitByCommand)
WAYS = ("SIGTERM", "SIGINT", "SIGHUP", "umount", "umount -l")


def commit_in_child(commit, pipe):
    """Sends what `modelfs show` is to be asked for, and then the errno, or 0, with what was said."""
    mounted.default_signals()
    os.chdir(commit.daemon.mount_point)
    step = commit.prepare()
    pipe.send(commit.what)
    try:
        step()
        pipe.send((0, ""))
    except OSError as error:
        pipe.send((error.errno, str(error)))


def unmount(daemon):
    """`modelfs umount`, again while the mount is in use, as a person would."""
    def is_unmounted():
        return daemon.process.poll() is not None or daemon.command("umount", daemon.mount_point).returncode == 0
    mounted.wait_for(is_unmounted, "modelfs umount", pause_s=0.05)


def end(daemon, way):
    if way.startswith("SIG"):
        daemon.process.send_signal(getattr(signal, way))
    elif way == "umount":
        unmount(daemon)
    else:
        mounted.detach(daemon.mount_point)


class Rounds:
    def __init__(self, run):
        self.run, self.number = run, 0
        self.figures = {"done": 0, "refused": 0, "not answered": 0}

    def one(self, kind, way, latest_s):
        daemon = self.run.daemon(f"store-{kind.__name__}")
        daemon.start()
        os.makedirs(f"{daemon.mount_point}/d", exist_ok=True)
        self.number += 1
        ours, theirs = context.Pipe(duplex=False)
        commit = kind(self.number, self.run.random.randbytes(PIECE_BYTES), daemon)
        child = context.Process(target=commit_in_child, args=(commit, theirs), daemon=True)
        child.start()
        theirs.close()
        what = ours.recv()
        moment = self.run.random.uniform(0, latest_s)
        time.sleep(moment)  # what is waited for is the random moment itself
        begin = time.monotonic()
        end(daemon, way)
        round_name = f"{kind.__name__}, {way} after {moment * 1000:.0f} ms"
        if not ours.poll(mounted.END_LIMIT_S):
            raise mounted.Violation(f"{round_name}: no answer")
        code, said = ours.recv()
        child.join(mounted.END_LIMIT_S)
        if daemon.process.wait(mounted.END_LIMIT_S) != 0:
            raise mounted.Violation(f"{round_name}: the daemon ended with {daemon.process.returncode}: {daemon.log_tail()}")
        took = time.monotonic() - begin
        if way.startswith("SIG") and took > END_LIMIT_S:
            self.run.violation(f"{round_name}: the daemon ended after {took:.1f} s")
        self.judge(round_name, daemon.command("show", "--store", daemon.store, what).returncode == 0, code, said)
        daemon.kill()

    def judge(self, round_name, is_there, code, said):
        if code == 0:
            self.figures["done"] += 1
            if not is_there:
                self.run.violation(f"{round_name}: answered 0, and nothing is there")
        elif code in UNKNOWN:
            self.figures["not answered"] += 1
        else:
            self.figures["refused"] += 1
            if is_there:
                self.run.violation(f"{round_name}: answered '{said}', and it is there")
            if code == errno.EINTR:
                self.run.violation(f"{round_name}: EINTR, which some C libraries take for a close that worked")


def body(run, options):
    rounds = Rounds(run)
    for _ in range(options.rounds):
        for kind in KINDS:
            if options.kind and kind.__name__ != options.kind:
                continue
            for way in WAYS:
                rounds.one(kind, way, options.moment)
    print(", ".join(f"{what}: {count}" for what, count in rounds.figures.items()))


def add_options(parser):
    parser.add_argument("--rounds", type=int, default=2, help="of each kind and way")
    parser.add_argument("--kind", help="only this one, as its class is called")
    parser.add_argument("--moment", type=float, default=0.15, help="the end comes within so many seconds")


mounted.program(__doc__, add_options, body)
