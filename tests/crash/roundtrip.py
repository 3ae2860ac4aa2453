#!/usr/bin/env python3
"""Round trips through a real mount: what every common program packs comes back, as an archive and as a tree.

Each writer packs each tree, and `cp` puts the archive in. Then:
  archive  `<version>.<suffix>` gives back the bytes that were put in;
  tree     the release has its names, types, bytes, links, permissions and, as far as the writer keeps them, times;
  faces    `<version>.tar`, `.tar.gz` and `.zip`, unpacked by GNU tar, bsdtar, Python and unzip, are that tree again. A face whose
           very bytes have been unpacked already counts as `same`;
  again    the archive is those bytes still when the store has settled and the daemon has been started anew.
The row `a directory` is a draft made by `cp -a`, whose three faces are all made. What a format cannot say is left out of its tree.
"""

import collections
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

import mounted

SETTLED_LIMIT_S = 120
PACK_LIMIT_S = 3600
S = 1_000_000_000  # nanoseconds
DAY = 86_400 * S
NOON_2024 = 1_718_452_800 * S
FACES = [".tar", ".tar.gz", ".zip"]
TOOL_ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}

# link: the first of the names (sorted) of one file, "" when it has no other
Entry = collections.namedtuple("Entry", "kind mode mtime value link")


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(root):
    """relative path -> Entry of everything below `root`."""
    found, first_of_inode = {}, {}
    places = [("", os.fspath(root))]
    while places:
        prefix, place = places.pop()
        for item in os.scandir(place):
            info = item.stat(follow_symlinks=False)
            path, kind, value = prefix + item.name, stat.S_IFMT(info.st_mode), ""
            if kind == stat.S_IFDIR:
                places.append((path + "/", item.path))
            elif kind == stat.S_IFLNK:
                value = os.readlink(item.path)
            elif kind == stat.S_IFREG:
                value = f"{info.st_size} {digest_of(item.path)}"
                if info.st_nlink > 1:
                    first_of_inode.setdefault(info.st_ino, []).append(path)
            found[path] = Entry(kind, stat.S_IMODE(info.st_mode), info.st_mtime_ns, value, "")
    for paths in first_of_inode.values():
        for path in paths:
            found[path] = found[path]._replace(link=min(paths))
    return found


# What a program makes of a time: the times, in nanoseconds, that are right for one.


def exactly(time_ns):
    return {time_ns}


def whole_seconds(time_ns):
    return {time_ns // S * S, int(time_ns / S) * S}  # before 1970 some round towards it


def seconds_or_exactly(time_ns):
    return {time_ns} | whole_seconds(time_ns)  # bsdtar says more only for a member of which it has to say more anyway


def even_seconds(time_ns):
    return {time_ns // (2 * S) * (2 * S)}


def a_double(time_ns):
    return range(time_ns - 1000, time_ns + 1001)


Exact = collections.namedtuple("Exact", "times links symlink_times of_release", defaults=[exactly, True, True, False])


def difference(found, wanted, exact):
    """What is wrong with `found`, in one line; empty: nothing."""
    if found.keys() != wanted.keys():
        missing, surplus = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
        return f"{len(missing)} missing {missing[:2]}, {len(surplus)} not expected {surplus[:2]}"
    for path, want in wanted.items():
        got = found[path]
        if got.kind != want.kind:
            return f"{path!r} is of type {got.kind:o} instead of {want.kind:o}"
        if got.value != want.value:
            return f"{path!r} is {got.value!r} instead of {want.value!r}"
        # The group of names is compared, and a file with one name is in none.
        if exact.links and got.link != want.link:
            return f"{path!r} is one file with {got.link!r} instead of {want.link!r}"
        symlink = want.kind == stat.S_IFLNK
        # A release takes no writing: its files have no w; who may read them and enter its directories is the domain's to say.
        mask = 0o7777 if not exact.of_release else 0o7111 if want.kind == stat.S_IFREG else 0
        if not symlink and got.mode & mask != want.mode & mask:
            return f"{path!r} has mode {got.mode:o} instead of {want.mode:o}"
        if exact.times and (exact.symlink_times or not symlink) and got.mtime not in exact.times(want.mtime):
            return f"{path!r} has mtime {got.mtime} instead of {want.mtime}"
    return ""


# Trees. `lacks` says what a writer cannot express: such members are left out.


class Maker:
    def __init__(self, root, chance, lacks):
        self.root, self.chance, self.lacks = root, chance, lacks
        self.times = []  # set at the end: making a file changes the time of its directory

    def path(self, name):
        return os.path.join(self.root, name)

    def took(self, name, mtime):
        if mtime is None:
            mtime = NOON_2024 - self.chance.randrange(1000 * DAY)
        self.times.append((name, mtime))

    def file(self, name, content=b"", mode=0o644, mtime=None):
        mounted.write_file(self.path(name), content)
        os.chmod(self.path(name), mode)
        self.took(name, mtime)

    def sparse(self, name, size, pieces):
        with open(self.path(name), "wb") as file:
            file.truncate(size)
            for offset, content in pieces:
                os.pwrite(file.fileno(), content, offset)
        os.chmod(self.path(name), 0o644)
        self.took(name, None)

    def directory(self, name, mode=0o755):
        os.mkdir(self.path(name))
        os.chmod(self.path(name), mode)
        self.took(name, None)

    def symlink(self, name, target):
        os.symlink(target, self.path(name))
        self.took(name, None)

    def link(self, name, other):
        os.link(self.path(other), self.path(name))

    def finish(self):
        for name, mtime in reversed(self.times):
            os.utime(self.path(name), ns=(mtime, mtime), follow_symlinks=False)


def make_empty(_):
    pass


def make_one_empty_file(make):
    make.file("model")


def make_names(make):
    for name in ("plain", " leading and trailing space ", "two  spaces", "größe", "模型.bin", "🦊", "-rf", "--help",
                 "@list", "#hash", "~", "~user", "'single'", '"double"', "a*b?c", "[set]", "{a,b}", "$HOME", "semi;colon",
                 "a=b", "a&b", "a|b", "100%", "trailing.", ".hidden", "...", "con", "weights.tar.gz", "latest.json", "x" * 99,
                 "y" * 100):
        make.file(name, make.chance.randbytes(40))
    make.directory("- directory")
    make.file("- directory/-", b"-")
    if "long" in make.lacks:
        return
    make.file("z" * 101, b"one more than a tar's field")
    make.file("n" * 255, b"the longest name")
    make.file("ü" * 127 + "u", b"the longest name in UTF-8")
    make.file("模" * 85, b"255 bytes of three each")
    deep = ""
    for level in range(40):
        deep += f"level {level:02} of a deep path"
        make.directory(deep)
        deep += "/"
    make.file(deep + "bottom", b"deep")


def make_names_for_others(make):
    """Names that bsdtar rewrites while it unpacks: these faces it does not judge."""
    make.file("e\u0301 decomposed", b"bsdtar composes it")
    make.file("C:", b"bsdtar takes it for a drive")
    if "backslash" not in make.lacks:
        make.file("back\\slash", b"bsdtar takes it for a directory, in a zip")


def make_kinds(make):
    make.file("weights", make.chance.randbytes(100_000))
    make.file("zeros", bytes(70_000))
    for length in (1, 511, 512, 513, 4096, 65_535, 65_536, 65_537):
        make.file(f"of {length}", make.chance.randbytes(length))
    for mode in (0o400, 0o444, 0o600, 0o640, 0o700, 0o744, 0o755, 0o555):
        make.file(f"mode {mode:o}", b"#!/bin/sh\n", mode)
    for name, mode in (("empty", 0o755), ("variables", 0o750), ("variables/empty", 0o700), ("variables/empty/too", 0o755)):
        make.directory(name, mode)
    make.file("variables/small", b"abc")
    for name, target in (("to a file", "weights"), ("to a directory", "variables"), ("dangling", "nowhere"), ("größe", "模型"),
                         ("variables/up", "../weights")):
        make.symlink(name, target)
    make.link("variables/linked", "weights")
    make.link("a link before its file", "weights")
    make.link("small too", "variables/small")
    piece = make.chance.randbytes(5000)
    make.sparse("hole in front", 3 << 20, [((3 << 20) - len(piece), piece)])
    make.sparse("hole behind", 3 << 20, [(0, piece)])
    make.sparse("many holes", 2 << 20, [(offset, b"x" * 4096) for offset in range(65_536, 2 << 20, 65_536)])
    make.sparse("only a hole", 1 << 20, [])
    if "long" not in make.lacks:
        make.symlink("long target", "/".join(["directory"] * 30))


def make_times(make):
    for name, mtime in (("whole", NOON_2024), ("a nanosecond", NOON_2024 + 1), ("nearly a second", NOON_2024 + S - 1),
                        ("odd second", NOON_2024 + S), ("1980", 315_532_800 * S + 2 * DAY), ("2037", 2_130_000_000 * S)):
        make.file(name, b"", mtime=mtime)
    if "early" not in make.lacks:
        make.file("1970", mtime=0)
        make.file("1971", mtime=31_536_000 * S + 5)
    if "negative" not in make.lacks and "early" not in make.lacks:
        make.file("1969", mtime=-100 * S)
        # No fraction of a second here: libarchive reads the -1.5 of a pax header as -0.5.
    if "late" not in make.lacks:
        make.file("2040", mtime=2_208_988_800 * S)
        make.file("2200", mtime=7_258_118_400 * S)


def make_many(make, count=2000, each=50):
    for number in range(count):
        if number % each == 0:
            place = f"part {number // each:05}"
            make.directory(place)
        make.file(f"{place}/file {number:06}", make.chance.randbytes(number % 97))


def make_a_hundred_thousand(make):
    make_many(make, 100_000, 1000)


def make_beyond_4_gib(make):
    # Why random pieces: without them a hole and zstd pass the limit on the ratio of packed to unpacked bytes.
    size = (4 << 30) + 12_345
    make.sparse("beyond", size, [(offset, make.chance.randbytes(65_536)) for offset in range(0, size - 65_536, 16 << 20)])
    make.file("then", b"a member behind it")


TREES = {"empty": make_empty, "one empty file": make_one_empty_file, "names": make_names, "names for others": make_names_for_others,
         "kinds": make_kinds, "times": make_times, "2,000 files": make_many, "100,000 files": make_a_hundred_thousand,
         "beyond 4 GiB": make_beyond_4_gib}
# What is left out of them for some writers.
LACKED = {"names": {"long"}, "names for others": {"backslash"}, "kinds": {"long"}, "times": {"early", "late", "negative"}}
FULL_ONLY = {"100,000 files", "beyond 4 GiB"}
LARGE = FULL_ONLY | {"2,000 files"}  # packed by fewer writers


# Writers.


def shell(line):
    """A writer from a command: in the tree's directory, with the archive's path in $1."""
    def pack(tree, archive):
        subprocess.run(["bash", "-o", "pipefail", "-c", line, "bash", archive], cwd=tree, check=True, env=TOOL_ENVIRONMENT,
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PACK_LIMIT_S)
    return pack


def python_tar(mode, form):
    def pack(tree, archive):
        with tarfile.open(archive, mode, format=form) as out:
            out.add(tree, ".")
    return pack


def python_zip(method, force_zip64):
    def pack(tree, archive):
        with zipfile.ZipFile(archive, "w", method) as out:
            for place, directories, names in os.walk(tree):
                for name in sorted(directories + names):
                    add_to_zip(out, tree, os.path.join(place, name), method, force_zip64)
    return pack


def add_to_zip(out, tree, path, method, force_zip64):
    status = os.lstat(path)
    name = os.path.relpath(path, tree) + ("/" if stat.S_ISDIR(status.st_mode) else "")
    info = zipfile.ZipInfo(name, time.gmtime(status.st_mtime_ns // S)[:6])
    info.external_attr = status.st_mode << 16 | (0x10 if stat.S_ISDIR(status.st_mode) else 0)
    info.compress_type = method
    info.file_size = status.st_size
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as source, out.open(info, "w", force_zip64=force_zip64) as member:
            shutil.copyfileobj(source, member, 1 << 20)
    else:
        info.compress_type = zipfile.ZIP_STORED
        out.writestr(info, os.readlink(path) if stat.S_ISLNK(status.st_mode) else b"")


# large: packs the large trees too
Writer = collections.namedtuple("Writer", "name program suffix pack times lacks large", defaults=[exactly, frozenset(), False])
ZIP = frozenset({"early", "late", "backslash"})
USTAR = frozenset({"long", "negative"})
WRITERS = [
    Writer("GNU tar ustar", "tar", ".tar", shell('tar --format=ustar -cf "$1" .'), whole_seconds, USTAR),
    Writer("GNU tar gnu", "tar", ".tar", shell('tar --format=gnu -cf "$1" .'), whole_seconds, large=True),
    Writer("GNU tar pax", "tar", ".tar", shell('tar --format=pax -cf "$1" .'), large=True),
    Writer("GNU tar gnu --sparse", "tar", ".tar", shell('tar --format=gnu --sparse -cf "$1" .'), whole_seconds, large=True),
    Writer("GNU tar pax --sparse", "tar", ".tar", shell('tar --format=pax --sparse -cf "$1" .'), large=True),
    Writer("GNU tar pax --sparse 0.0", "tar", ".tar", shell('tar --format=pax --sparse-version=0.0 --sparse -cf "$1" .')),
    Writer("GNU tar pax --sparse 0.1", "tar", ".tar", shell('tar --format=pax --sparse-version=0.1 --sparse -cf "$1" .')),
    Writer("bsdtar", "bsdtar", ".tar", shell('bsdtar -cf "$1" .'), seconds_or_exactly, large=True),
    Writer("bsdtar -z", "bsdtar", ".tar.gz", shell('bsdtar -czf "$1" .'), seconds_or_exactly),
    Writer("bsdtar --format=zip", "bsdtar", ".zip", shell('bsdtar --format=zip -cf "$1" .'), whole_seconds, ZIP),
    Writer("tarfile gnu w", None, ".tar", python_tar("w", tarfile.GNU_FORMAT), whole_seconds),
    Writer("tarfile pax w", None, ".tar", python_tar("w", tarfile.PAX_FORMAT), a_double),
    Writer("tarfile gnu w:gz", None, ".tgz", python_tar("w:gz", tarfile.GNU_FORMAT), whole_seconds),
    Writer("tarfile pax w:gz", None, ".tar.gz", python_tar("w:gz", tarfile.PAX_FORMAT), a_double, large=True),
    Writer("gzip -1", "gzip", ".tar.gz", shell('tar -c . | gzip -1 > "$1"'), whole_seconds, large=True),
    Writer("gzip -6", "gzip", ".tar.gz", shell('tar -c . | gzip -6 > "$1"'), whole_seconds),
    Writer("gzip -9", "gzip", ".tar.gz", shell('tar -c . | gzip -9 > "$1"'), whole_seconds),
    Writer("zstd", "zstd", ".tar.zst", shell('tar -c . | zstd -q > "$1"'), whole_seconds, large=True),
    Writer("zip stored", "zip", ".zip", shell('zip -0 -qry "$1" .'), whole_seconds, ZIP),
    Writer("zip deflated", "zip", ".zip", shell('zip -qry "$1" .'), whole_seconds, ZIP, large=True),
    Writer("zip into a pipe", "zip", ".zip", shell('zip -qry - . | cat > "$1"'), whole_seconds, ZIP),
    Writer("zipfile stored", None, ".zip", python_zip(zipfile.ZIP_STORED, False), even_seconds, ZIP),
    Writer("zipfile deflated", None, ".4ml", python_zip(zipfile.ZIP_DEFLATED, False), even_seconds, ZIP),
    Writer("zipfile zip64", None, ".zip", python_zip(zipfile.ZIP_STORED, True), even_seconds, ZIP, large=True),
    Writer("a directory", None, "", None, large=True),
]


def is_zip(suffix):
    return suffix in (".zip", ".4ml")


def cannot_pack(writer, tree):
    """Why not, where the program is at fault; empty: it can."""
    if tree == "empty" and writer.program == "zip":
        return "zip packs no empty tree"
    if tree == "kinds" and writer.name == "zip into a pipe":
        return "zip stores nothing into a pipe"
    if tree == "beyond 4 GiB" and writer.name == "zipfile stored":
        return "needs zip64"
    return ""


# Readers: unpack the archive at a path into the working directory.


def run_tool(*command):
    def unpack(archive, into):
        subprocess.run([*command, archive], cwd=into, check=True, env=TOOL_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True,
                       text=True, timeout=PACK_LIMIT_S)
    return unpack


def unpack_by_tarfile(archive, into):
    with tarfile.open(archive) as source:
        source.extractall(into)


def unpack_by_zipfile(archive, into):
    """extractall() knows neither modes nor times nor symlinks: they are set as the directory of the zip says them."""
    with zipfile.ZipFile(archive) as source:
        if bad := source.testzip():
            raise mounted.Violation(f"testzip: {bad!r} is damaged")
        infos = source.infolist()
        for info in infos:
            path = os.path.join(into, info.filename)
            if stat.S_ISLNK(info.external_attr >> 16):
                os.symlink(source.read(info), path)
            else:
                source.extract(info, into)
    for info in reversed(infos):
        path = os.path.join(into, info.filename)
        if not os.path.islink(path):
            os.chmod(path, stat.S_IMODE(info.external_attr >> 16))
            seconds = int(time.mktime((*info.date_time, 0, 0, 0)))  # TZ is UTC
            os.utime(path, (seconds, seconds))


Reader = collections.namedtuple("Reader", "name program unpack exact")
TAR_READERS = [Reader("GNU tar", "tar", run_tool("tar", "-xpf"), Exact()), Reader("bsdtar", "bsdtar", run_tool("bsdtar", "-xpf"), Exact()),
               Reader("tarfile", None, unpack_by_tarfile, Exact(a_double, symlink_times=False))]
ZIP_READERS = [Reader("unzip", "unzip", run_tool("unzip", "-q"), Exact(whole_seconds, False, False)),
               Reader("bsdtar", "bsdtar", run_tool("bsdtar", "-xpf"), Exact(whole_seconds, False)),
               Reader("zipfile", None, unpack_by_zipfile, Exact(even_seconds, False, False))]


def said_by(error):
    if isinstance(error, subprocess.CalledProcessError):
        return f"exit code {error.returncode}: {(error.stderr or '').strip()[:300]}"
    return f"{type(error).__name__}: {error}"


class Matrix:
    def __init__(self, run, daemon, memory):
        self.run, self.daemon, self.memory = run, daemon, memory
        self.sources = {}    # (tree, what is left out of it) -> (its directory, its description)
        self.unpacked = {}   # (suffix, digest of the face, what it has to be) -> what was wrong
        self.archives = []   # (row, path on the mount, digest)
        self.rows = []
        self.failures = 0
        self.missing = set()

    def place(self, tree, name):
        """Where a tree is made or unpacked: in memory unless it is large."""
        return self.run.path(name) if tree in FULL_ONLY else os.path.join(self.memory, name)

    def source(self, tree, lacks):
        key = tree, lacks & LACKED.get(tree, frozenset())
        if key not in self.sources:
            root = self.place(tree, f"tree-{len(self.sources)}")
            os.mkdir(root)
            maker = Maker(root, self.run.random, lacks)
            TREES[tree](maker)
            maker.finish()
            self.sources[key] = root, describe(root)
        return self.sources[key]

    def forget(self, tree):
        for key in [key for key in self.sources if key[0] == tree]:
            shutil.rmtree(self.sources.pop(key)[0])

    def fail(self, row, column, why):
        self.failures += 1
        row[column] = "WRONG"
        self.run.violation(f"{row['writer']}, {row['tree']}, {column}: {why}")

    def round_trip(self, writer, tree, domain):
        row = dict.fromkeys(("writer", "tree", "members", "bytes", "archive", "tree is", "faces", "again"), "-")
        row.update(writer=writer.name, tree=tree)
        self.rows.append(row)
        if writer.program and not shutil.which(writer.program):
            row["archive"] = f"skipped: no {writer.program}"
            return
        if why := cannot_pack(writer, tree):
            row["archive"] = f"skipped: {why}"
            return
        root, wanted = self.source(tree, writer.lacks)
        row["members"] = len(wanted)
        version = f"{domain}/v{len(self.rows)}"
        if not (self.put_directory if writer.pack is None else self.put_archive)(row, writer, root, version):
            return
        found = self.check_tree(row, writer, version, wanted)
        if found is not None:
            self.check_faces(row, writer, version, {path: wanted[path]._replace(mtime=found[path].mtime) for path in wanted})

    def put_directory(self, row, _, root, version):
        draft = f"{os.path.dirname(version)}/.stage/{os.path.basename(version)}"
        try:
            subprocess.run(["cp", "-a", root, draft], check=True, capture_output=True, text=True)
            os.rename(draft, version)
        except (OSError, subprocess.CalledProcessError) as error:
            self.fail(row, "archive", said_by(error))
            return False
        return True

    def put_archive(self, row, writer, root, version):
        packed = self.run.path("packed" + writer.suffix)
        target = version + writer.suffix
        try:
            writer.pack(root, packed)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self.fail(row, "archive", f"cannot be packed: {said_by(error)}")
            return False
        try:
            row["bytes"] = os.path.getsize(packed)
            digest = digest_of(packed)
            done = subprocess.run(["cp", packed, target], capture_output=True, text=True)
        finally:
            os.unlink(packed)
        if done.returncode != 0:
            self.fail(row, "archive", f"{done.stderr.strip()} ({self.refusal(target)})")
            return False
        self.archives.append((row, target, digest))
        if digest_of(target) != digest:
            self.fail(row, "archive", f"{target} has other bytes")
        else:
            row["archive"] = "exact"
        return True

    def refusal(self, target):
        domain, name = target.split("/")[-2:]
        try:
            return os.getxattr(f"{self.daemon.mount_point}/.modelfs/drafts/{domain}/{name}", "user.modelfs.error").decode()
        except OSError as error:
            return f"no reason is told: {error.strerror}"

    def check_tree(self, row, writer, version, wanted):
        """What the mount shows, or None when that is wrong."""
        exact = Exact(writer.times, links=not is_zip(writer.suffix), of_release=True)
        try:
            found = describe(version)
            wrong = difference(found, wanted, exact)
        except OSError as error:
            wrong = str(error)
        if wrong:
            self.fail(row, "tree is", wrong)
            return None
        row["tree is"] = "exact"
        return found

    def check_faces(self, row, writer, version, wanted):
        if is_zip(writer.suffix):
            wanted = {path: entry._replace(link="") for path, entry in wanted.items()}
        identity = hashlib.sha256(repr(sorted(wanted.items())).encode("utf-8", "surrogateescape")).digest()
        count = same = 0
        for suffix in FACES:
            if suffix == {".tgz": ".tar.gz"}.get(writer.suffix, writer.suffix):
                continue  # that is the archive itself
            face = version + suffix
            try:
                size = os.stat(face).st_size
                digest = digest_of(face)
                key = suffix, digest, identity
                if key in self.unpacked:
                    same += 1
                else:
                    self.unpacked[key] = self.unpack(row, face, wanted)
                    count += 1
                wrong = self.unpacked[key]
                if os.stat(face).st_size != size:
                    wrong = f"{face} had another size before it was read"
            except OSError as error:
                wrong = f"{face}: {error}"
            if wrong:
                self.fail(row, "faces", wrong)
        if row["faces"] == "-":
            row["faces"] = f"{count} + {same} same"

    def unpack(self, row, face, wanted):
        """By every reader; what was wrong."""
        wrong = []
        for reader in ZIP_READERS if face.endswith(".zip") else TAR_READERS:
            if reader.program and not shutil.which(reader.program):
                self.missing.add(reader.program)
                continue
            if (row["tree"], reader.name) in (("empty", "unzip"), ("names for others", "bsdtar")):
                continue  # unzip fails on an empty zip as on a damaged one
            scratch = self.place(row["tree"], "scratch")
            os.mkdir(scratch)
            try:
                exact = reader.exact
                if row["tree"] == "times" and face.endswith(".zip"):
                    exact = exact._replace(times=None)  # a zip cannot say them all
                reader.unpack(face, scratch)
                text = difference(describe(scratch), wanted, exact)
            except (OSError, ValueError, subprocess.SubprocessError, tarfile.TarError, zipfile.BadZipFile, mounted.Violation) as error:
                text = said_by(error)
            finally:
                shutil.rmtree(scratch)
            if text:
                wrong.append(f"{face} by {reader.name}: {text}")
        return "; ".join(wrong)

    def check_again(self):
        for row, path, digest in self.archives:
            try:
                if digest_of(path) == digest:
                    row["again"] = "exact"
                    continue
                why = "it has other bytes"
            except OSError as error:
                why = str(error)
            self.fail(row, "again", f"{path}: {why}")

    def report(self):
        print()
        mounted.table([list(row.values()) for row in self.rows],
                      ["writer", "tree", "members", "bytes", "archive", "tree", "faces", "again"])
        if self.missing:
            print(f"skipped, not installed: unpacking by {', '.join(sorted(self.missing))}")
        done = [row for row in self.rows if not row["archive"].startswith("skipped")]
        print(f"\n{len(done)} round trips, {len(self.rows) - len(done)} skipped, {self.failures} failures")


def settle(daemon):
    """Waits until no archive waits for its recipe. What came of it, in words."""
    def archives():
        return daemon.json("status").get("archives")

    if archives() is None:
        return "this program tells of no archives in its status"
    begin = time.monotonic()
    try:
        mounted.wait_for(lambda: not archives().get("waiting"), "archives settle", SETTLED_LIMIT_S, 0.1)
    except TimeoutError:
        return f"{archives()['waiting']} archives are waiting still"
    return f"settled after {time.monotonic() - begin:.1f} s: {archives()}"


def chosen(names, wanted, parser_name):
    if unknown := set(wanted or []) - set(names):
        sys.exit(f"--{parser_name}: no {sorted(unknown)}; there are: {', '.join(names)}")
    return [name for name in names if not wanted or name in wanted]


def add_options(parser):
    parser.add_argument("--full", action="store_true", help="also 100,000 members, and a member beyond 4 GiB (20 GiB of disk)")
    parser.add_argument("--tree", action="append", help=f"only this: {', '.join(TREES)}")
    parser.add_argument("--writer", action="append", help="only this")


def body(run, options):
    os.umask(0o022)
    os.environ["TZ"] = "UTC"
    time.tzset()
    trees = chosen(list(TREES), options.tree, "tree")
    writers = chosen([writer.name for writer in WRITERS], options.writer, "writer")
    daemon = run.daemon("store")
    daemon.start()
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else run.directory
    with tempfile.TemporaryDirectory(prefix="modelfs-", dir=where) as memory:
        fill(run, Matrix(run, daemon, memory), options, trees, writers)


def fill(run, matrix, options, trees, writers):
    daemon = matrix.daemon
    try:
        for number, tree in enumerate(trees):
            if tree in FULL_ONLY and not (options.full or options.tree):
                continue
            domain = f"{daemon.mount_point}/tree{number}"
            os.mkdir(domain)
            for writer in WRITERS:
                if writer.name in writers and (writer.large or options.writer or tree not in LARGE):
                    matrix.round_trip(writer, tree, domain)
            matrix.forget(tree)
        print(settle(daemon))
        daemon.stop()
        daemon.start()
        matrix.check_again()
        report = daemon.json("verify")
        if report["problem_count"]:
            run.violation(f"verify: {report['problem_count']} problems")
        daemon.stop()
    except (mounted.Violation, TimeoutError) as violation:
        run.violation(str(violation))
    matrix.report()


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
