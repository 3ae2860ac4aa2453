#!/usr/bin/env python3
"""What modelstore and ForML ask of a file system, call by call, without either: each sequence of calls runs in a plain directory and on a
mount, and both must answer the same: results, errors, listings and bytes. Where the mount is to differ, the sequence says how.
"""

import errno
import gzip
import io
import json
import os
import shutil
import stat
import sys
import tarfile
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402

P = "operatorai-model-store"
STAMP = "2026.11.21-21.22.47"
STATES = ["14046f11-3dbb-4a0e-9f29-0f1dfb373ce8", "a534f2da-dc3d-4353-8b85-e61d3728ca91"]
SEQUENCES = []


def sequence(name):
    def keep(function):
        SEQUENCES.append((name, function))
        return function
    return keep


class Trace:
    """Calls beneath a root, and what they answered."""

    def __init__(self, root):
        self.root, self.log = root, []

    def call(self, what, function):
        try:
            answer = function()
        except OSError as error:
            answer = errno.errorcode[error.errno]
        self.log.append((what, answer))
        return answer

    def at(self, path):
        return os.path.join(self.root, path)

    def mkdir(self, path):
        return self.call(f"mkdir {path}", lambda: os.mkdir(self.at(path)))

    def makedirs(self, path):
        return self.call(f"makedirs {path}", lambda: os.makedirs(self.at(path), exist_ok=True))

    def write(self, path, data, mode=0o644, flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
        """shutil.copy's calls; what close(2) says is the answer, then chmod(2)'s."""
        def body():
            fd = os.open(self.at(path), flags | os.O_CLOEXEC, 0o666)
            try:
                os.fstat(fd)
                terminal = os.isatty(fd)
                place = os.lseek(fd, 0, os.SEEK_CUR)
                written = os.write(fd, data) if data else 0
            except OSError:
                os.close(fd)
                raise
            os.close(fd)
            return [terminal, place, written]
        answer = self.call(f"write {path}", body)
        if mode is not None:
            self.call(f"chmod {path}", lambda: os.chmod(self.at(path), mode))
        return answer

    def read(self, path):
        """readall()'s calls: it trusts the size."""
        def body():
            fd = os.open(self.at(path), os.O_RDONLY | os.O_CLOEXEC)
            try:
                size = os.fstat(fd).st_size
                data = os.read(fd, size + 1)
                return [size == len(data), os.read(fd, 1) == b"", data.replace(self.root.encode(), b"ROOT").hex()]
            finally:
                os.close(fd)
        return self.call(f"read {path}", body)

    def kind(self, path):
        return self.call(f"stat {path}", lambda: stat.S_IFMT(os.stat(self.at(path)).st_mode))

    def size(self, path):
        return self.call(f"size {path}", lambda: os.stat(self.at(path)).st_size)

    def names(self, path):
        return self.call(f"listdir {path}", lambda: sorted(os.listdir(self.at(path))))

    def unlink(self, path):
        return self.call(f"unlink {path}", lambda: os.unlink(self.at(path)))

    def rmdir(self, path):
        return self.call(f"rmdir {path}", lambda: os.rmdir(self.at(path)))

    def rename(self, old, new):
        return self.call(f"rename {old} {new}", lambda: os.rename(self.at(old), self.at(new)))

    def prune(self, path):
        """modelstore's way up through what it has emptied."""
        while path and not self.names(path):
            if self.rmdir(path) is not None:
                break
            path = os.path.dirname(path)


def archive(text):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in (("model-info.json", b'{"library": "sklearn"}'), ("model.joblib", text)):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 1.5
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def metadata(t, domain, model, path, created="2026/11/21/21:22:47"):
    document = {"model": {"domain": domain, "model_id": model, "model_type": {"library": "sklearn"}, "parameters": {"c": float("nan")}},
                "storage": {"type": "file_system", "root": t.root, "path": t.at(path)}, "modelstore": "0.0.81",
                "code": {"runtime": "python:3.11.2", "user": "root", "created": created, "dependencies": {}}}
    return json.dumps(document).encode()


def upload(t, domain, model):
    where = f"{P}/{domain}/{STAMP}/{model}"
    t.makedirs(where)
    t.write(f"{where}/artifacts.tar.gz", archive(model.encode()))
    document = metadata(t, domain, model, f"{where}/artifacts.tar.gz")
    for path in (f"{P}/{domain}/versions/{model}.json", f"{P}/domains/{domain}.json"):
        t.makedirs(os.path.dirname(path))
        t.write(path, document)


def package(version):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        # Members written by ZipInfo all have one time.
        zipped.writestr(zipfile.ZipInfo("__4ml__.py"), f'NAME = "hello"\nVERSION = "{version}"\nPACKAGE = "hello"\nMODULES = {{}}')
        zipped.writestr(zipfile.ZipInfo("hello/__init__.py"), "")
    return out.getvalue()


def tag(states):
    listed = "".join(f' "{state}",' for state in states)
    return f"states = [{listed}]\n\n[training]\ntimestamp = 2026-03-04T05:06:07\nordinal = 42\n\n[tuning]\n".encode()


def push(t, project, version):
    if t.mkdir(f"{project}/{version}") == "ENOENT":
        t.mkdir(project)
        t.mkdir(f"{project}/{version}")
    t.write(f"{project}/{version}/package.4ml", package(version), mode=None)


@sequence("0.1 the domain's file is the metadata of the last upload, byte for byte")
def domain_file(t):
    upload(t, "fraud", "one")
    upload(t, "fraud", "two")
    t.read(f"{P}/domains/fraud.json")
    t.names(f"{P}/domains")


@sequence("0.2 archive, then metadata, then the domain's file: the metadata's close is the model")
def order_of_an_upload(t):
    upload(t, "fraud", "one")
    t.read(f"{P}/fraud/{STAMP}/one/artifacts.tar.gz")
    t.read(f"{P}/fraud/versions/one.json")
    t.names(f"{P}/fraud/versions")
    t.names(f"{P}/fraud/{STAMP}/one")


@sequence("0.3 states are moved into the generation, then its tag is written in place")
def generation(t):
    push(t, "hello", "0.1")
    t.mkdir("hello/0.1/.stage")
    for state in STATES:
        t.write(f"hello/0.1/.stage/{state}.bin", state.encode(), mode=None)
    t.mkdir("hello/0.1/1")
    for state in STATES:
        t.kind(f"hello/0.1/.stage/{state}.bin")
        t.rename(f"hello/0.1/.stage/{state}.bin", f"hello/0.1/1/{state}.bin")
    t.write("hello/0.1/1/tag.toml", tag(STATES), mode=None)
    t.names("hello/0.1/1")
    t.names("hello/0.1/.stage")
    for name in [f"{state}.bin" for state in STATES] + ["tag.toml"]:
        t.read(f"hello/0.1/1/{name}")
    t.kind("hello/0.1/package.4ml")
    t.read("hello/0.1/package.4ml")
    t.kind("hello/0.1/2/tag.toml")
    t.kind("hello/0.1/package.4ml/x")


@sequence("0.4 what is committed takes chmod, utimensat, listxattr, its copy O_TRUNC, its removal unlink")
def after_the_commit(t):
    upload(t, "fraud", "one")
    push(t, "hello", "0.1")
    for path in (f"{P}/fraud/versions/one.json", f"{P}/fraud/{STAMP}/one/artifacts.tar.gz", "hello/0.1/package.4ml", "hello/0.1"):
        t.call(f"chmod {path}", lambda path=path: os.chmod(t.at(path), 0o644 if "." in os.path.basename(path) else 0o755))
        t.call(f"utimensat {path}", lambda path=path: os.utime(t.at(path), ns=(10**18, 10**18)))
        t.call(f"listxattr {path}", lambda path=path: os.listxattr(t.at(path)))
    t.write(f"{P}/domains/fraud.json", metadata(t, "fraud", "one", f"{P}/fraud/{STAMP}/one/artifacts.tar.gz"))
    t.unlink(f"{P}/fraud/versions/one.json")
    t.kind(f"{P}/fraud/versions/one.json")


@sequence("0.5 directories are real, and stay when they are empty")
def empty_directories(t):
    where = f"{P}/fraud/{STAMP}/one"
    t.makedirs(where)
    t.names(where)
    t.kind(where)
    t.rmdir(f"{P}/fraud/{STAMP}")
    t.rmdir(where)
    t.names(f"{P}/fraud/{STAMP}")
    t.names(where)
    t.rmdir(f"{P}/fraud/{STAMP}")
    t.kind(f"{P}/fraud/{STAMP}")


@sequence("0.6 to open a store is to make a file and remove it")
def probe(t):
    t.call("utime .operator-ai", lambda: os.utime(t.at(".operator-ai")))
    t.write(".operator-ai", b"", mode=None, flags=os.O_WRONLY | os.O_CREAT)
    t.size(".operator-ai")
    t.unlink(".operator-ai")
    t.kind(".operator-ai")


@sequence("0.7 paths in the metadata are absolute, and name the archive")
def absolute_paths(t):
    upload(t, "fraud", "one")
    with open(t.at(f"{P}/fraud/versions/one.json"), encoding="utf-8") as file:
        storage = json.load(file)["storage"]
    t.log.append(("storage", [storage["root"] == t.root, storage["path"].startswith(t.root), os.path.isfile(storage["path"])]))


@sequence("0.8 a file is no terminal (ENOTTY)")
def terminals(t):
    upload(t, "fraud", "one")
    for path in (f"{P}/fraud/versions/one.json", f"{P}/domains/fraud.json", f"{P}/fraud/{STAMP}/one/artifacts.tar.gz"):
        with open(t.at(path), "rb") as file:
            t.call(f"tcgetattr {path}", lambda file=file: __import__("fcntl").ioctl(file.fileno(), 0x5401, b"\0" * 64))


@sequence("0.9 compiled modules are put beside staged ones, by O_EXCL and rename")
def compiled_modules(t):
    t.makedirs(".stage/hello/0.1/__pycache__")
    t.write(".stage/hello/0.1/__pycache__/a.pyc.1", b"x", flags=os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    t.write(".stage/hello/0.1/__pycache__/a.pyc.1", b"x", flags=os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=None)
    t.rename(".stage/hello/0.1/__pycache__/a.pyc.1", ".stage/hello/0.1/__pycache__/a.pyc")
    t.read(".stage/hello/0.1/__pycache__/a.pyc")
    t.call("rmtree", lambda: shutil.rmtree(t.at(".stage/hello")))
    t.names(".stage")


@sequence("0.10 what close(2) has committed is there for the next call")
def close_then_read(t):
    for number in range(1, 21):
        push(t, "hello", f"0.{number}")
        t.read(f"hello/0.{number}/package.4ml")
    # ForML's releases are directories; the mount lists each package that was pushed as an archive beside its own.
    t.call("releases", lambda: sorted(each.name for each in os.scandir(t.at("hello")) if each.is_dir(follow_symlinks=False)))


@sequence("3.1 and 3.2 a domain's file that is written anew shows its old content until the close")
def old_content_until_the_close(t):
    upload(t, "fraud", "one")
    upload(t, "fraud", "two")
    document = metadata(t, "fraud", "two", f"{P}/fraud/{STAMP}/two/artifacts.tar.gz")
    for _ in range(3):
        t.write(f"{P}/domains/fraud.json", document)
        t.read(f"{P}/domains/fraud.json")
        t.size(f"{P}/domains/fraud.json")


@sequence("3.3 a generation's directory comes before its states; one that was given up can be removed")
def given_up_generation(t):
    push(t, "hello", "0.1")
    t.mkdir("hello/0.1/.stage")
    t.write(f"hello/0.1/.stage/{STATES[0]}.bin", b"a", mode=None)
    t.mkdir("hello/0.1/1")
    t.rename(f"hello/0.1/.stage/{STATES[0]}.bin", f"hello/0.1/1/{STATES[0]}.bin")
    t.kind("hello/0.1/1/tag.toml")
    t.rename(f"hello/0.1/1/{STATES[0]}.bin", f"hello/0.1/.stage/{STATES[0]}.bin")
    t.rmdir("hello/0.1/1")
    t.kind("hello/0.1/1")


@sequence("3.4 errors are those of POSIX")
def errors(t):
    upload(t, "fraud", "one")
    push(t, "hello", "0.1")
    t.kind(f"{P}/nobody/versions/one.json")
    t.kind(f"{P}/fraud/versions/one.json/x")
    t.names(f"{P}/fraud/versions/one.json")
    t.names(f"{P}/fraud/none")
    t.mkdir(f"{P}/fraud/{STAMP}")
    t.mkdir("hello/0.1")
    t.rmdir(f"{P}/fraud/{STAMP}")
    t.unlink(f"{P}/fraud/{STAMP}")
    t.rmdir(f"{P}/fraud/versions/one.json")
    t.unlink(f"{P}/fraud/versions/none.json")
    t.read(f"{P}/fraud/{STAMP}")


@sequence("3.5 nothing stands where its clients list but what they put there")
def listings(t):
    for model in ("one", "two"):
        upload(t, "fraud", model)
    t.makedirs(f"{P}/fraud/versions/production")
    with open(t.at(f"{P}/fraud/versions/one.json"), "rb") as file:
        document = file.read()
    t.write(f"{P}/fraud/versions/production/one.json", document)
    t.makedirs(f"{P}/model_states")
    t.write(f"{P}/model_states/production.json", b'{"created": "2026/11/21/21:22:47", "state_name": "production"}')
    for path in ("domains", "model_states", "fraud", "fraud/versions", "fraud/versions/production", f"fraud/{STAMP}", f"fraud/{STAMP}/one"):
        t.names(f"{P}/{path}")
    t.read(f"{P}/model_states/production.json")
    t.read(f"{P}/fraud/versions/production/one.json")


@sequence("3.6 a directory can be emptied and removed while a file of it is open")
def removed_while_open(t):
    t.makedirs(".stage/x")
    t.write(".stage/x/a", b"text")
    with open(t.at(".stage/x/a"), "rb") as file:
        t.call("rmtree", lambda: shutil.rmtree(t.at(".stage/x")))
        t.names(".stage")
        t.call("read", lambda: file.read().hex())


@sequence("3.7 a store in another directory is plain files")
def scratch(t):
    t.makedirs(f"work/tmp/{P}/fraud/versions")
    t.write(f"work/tmp/{P}/fraud/versions/one.json", b"no json")
    t.write(f"work/tmp/{P}/fraud/versions/one.json", b"nor this")
    t.read(f"work/tmp/{P}/fraud/versions/one.json")
    t.makedirs("work/prefix/to/file")
    t.write("work/prefix/to/file/test-file.txt", b"x")
    t.call("rmtree", lambda: shutil.rmtree(t.at("work/tmp")))
    t.names("work")


@sequence("3.9 an orphan archive, orphan states and a stale domain's file are nothing special")
def orphans(t):
    upload(t, "fraud", "one")
    t.makedirs(f"{P}/fraud/{STAMP}/orphan")
    t.write(f"{P}/fraud/{STAMP}/orphan/artifacts.tar.gz", archive(b"orphan"))
    t.read(f"{P}/fraud/{STAMP}/orphan/artifacts.tar.gz")
    t.unlink(f"{P}/fraud/{STAMP}/one/artifacts.tar.gz")
    t.prune(f"{P}/fraud/{STAMP}/one")
    t.makedirs(f"{P}/fraud/versions/modelstore-deleted")
    with open(t.at(f"{P}/fraud/versions/one.json"), "rb") as file:
        document = file.read()
    t.write(f"{P}/fraud/versions/modelstore-deleted/one.json", document)
    t.unlink(f"{P}/fraud/versions/one.json")
    t.prune(f"{P}/fraud/versions")
    t.read(f"{P}/fraud/versions/modelstore-deleted/one.json")
    t.read(f"{P}/domains/fraud.json")
    t.names(f"{P}/fraud/versions")
    t.names(f"{P}/fraud")
    t.unlink(f"{P}/fraud/versions/modelstore-deleted/one.json")
    t.kind(f"{P}/fraud/versions/modelstore-deleted/one.json")


def closed_doors(run, root):
    """Where a plain directory loses something, the mount refuses: 3.8."""
    t = Trace(root)
    push(t, "doors", "0.2")
    for version, wanted in (("0.1", "ERANGE"), ("0.2.0", "EEXIST"), ("v3", "EINVAL")):
        os.mkdir(t.at(f"doors/{version}"))
        if (said := t.write(f"doors/{version}/package.4ml", package(version), mode=None)) != wanted:
            run.violation(f"3.8: a package {version} after 0.2: {said} instead of {wanted}")
    if (said := t.write("doors/0.2/package.4ml", package("0.2") + b"x", mode=None)) != "EEXIST":
        run.violation(f"3.8: another package 0.2: {said} instead of EEXIST")
    t.makedirs("doors/0.2/1")
    t.write("doors/0.2/1/tag.toml", tag([]), mode=None)
    if (said := t.write("doors/0.2/1/tag.toml", tag([]), mode=None)) not in ("EROFS", "EEXIST"):
        run.violation(f"3.8: a second tag: {said}")


def body(run, _options):
    calls = 0
    for name, function in SEQUENCES:
        number = name.split()[0]
        daemon = run.daemon(f"store-{number}")
        daemon.start()
        # As long a path as the mount's, since documents hold both.
        plain = run.path(f"plain-{number}".ljust(len(os.path.basename(daemon.mount_point)), "-"))
        os.mkdir(plain)
        traces = [Trace(plain), Trace(daemon.mount_point)]
        for trace in traces:
            function(trace)
        calls += len(traces[1].log)
        for (what, wanted), (_, got) in zip(*(trace.log for trace in traces)):
            if wanted != got:
                run.violation(f"{name}: {what}: {got} instead of {wanted}")
        if len(traces[0].log) != len(traces[1].log):
            run.violation(f"{name}: {len(traces[1].log)} calls instead of {len(traces[0].log)}")
        if number == "3.9":
            closed_doors(run, daemon.mount_point)
        daemon.stop()
    print(f"{len(SEQUENCES)} sequences and 3.8, {calls} calls answered as by a plain directory")


mounted.program(__doc__, lambda parser: None, body)
