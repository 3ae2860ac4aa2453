"""What a user of ForML does, by its own library. Run by forml_client.py: forml_life.py ROOT STEP [ARGUMENT]."""

import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import zipfile

import forml
from forml import project as prj
from forml.io import asset
from forml.provider.registry.filesystem import posix

POLL_PAUSE_S = 0.001


def say(operation, value=True):
    print(json.dumps([operation, value]), flush=True)


def expect(operation, condition):
    say(operation, bool(condition))


def files_of_package(name, version):
    return {"__4ml__.py": f'NAME = "{name}"\nVERSION = "{version}"\nPACKAGE = "{name}"\nMODULES = {{}}',
            f"{name}/__init__.py": "", f"{name}/source.py": f"VERSION = {version!r}\n"}


def package_file(name, version, place):
    path = pathlib.Path(place) / f"{name}-{version}.4ml"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for member, text in files_of_package(name, version).items():
            out.writestr(member, text)
    return prj.Package(path)


def package_directory(name, version, place):
    path = pathlib.Path(place) / f"{name}-{version}"
    for member, text in files_of_package(name, version).items():
        (path / member).parent.mkdir(parents=True, exist_ok=True)
        (path / member).write_text(text)
    return prj.Package(path)


def directory_of(root):
    return asset.Directory(posix.Registry(root))


def trained(states):
    return asset.Tag().training.trigger().replace(states=states)


def refused(call, kind):
    try:
        call()
    except kind:
        return True
    return False


def life(root, place):
    directory = directory_of(root)
    expect("an empty registry has no projects", list(directory.list()) == [])
    project = directory.get("hello")
    release = project.put(package_file("hello", "0.1", place))
    expect("a pushed package is listed", [str(key) for key in project.list()] == ["0.1"])
    expect("the same version is refused", refused(lambda: project.put(package_file("hello", "0.1", place)), forml.AnyError))
    expect("a lower version is refused", refused(lambda: project.put(package_file("hello", "0.0.9", place)), forml.AnyError))
    expect("a release without generations has none", list(release.list()) == [])
    states = [release.dump(b"one"), release.dump(b""), release.dump(b"three" * 100_000)]
    generation = release.put(trained(states))
    expect("the first generation is 1", generation.key == 1)
    expect("its states are read by their places", [generation.get(i) for i in range(3)] == [b"one", b"", b"three" * 100_000])
    expect("the next generation is 2", release.put(trained([release.dump(b"four")])).key == 2)
    project.put(package_directory("hello", "0.2.dev1", place))
    expect("a directory is a package, too", [str(key) for key in project.list()] == ["0.1", "0.2.dev1"])
    expect("it reads the tag", directory_of(root).get("hello").get("0.1").get(1).tag.states == tuple(states))
    reread(root, place)


def reread(root, _place):
    """What life() left, by a client that knows nothing yet."""
    again = directory_of(root)
    release = again.get("hello").get("0.1")
    expect("another client sees both generations", list(release.list()) == [1, 2])
    expect("it reads the tag's time", release.get(1).tag.training.timestamp is not None)
    expect("it reads all states", [release.get(1).get(i) for i in range(3)] == [b"one", b"", b"three" * 100_000])
    expect("it reads a state", release.get(2).get(0) == b"four")
    expect("the last release is the default", str(asset.Instance("hello", None, None, again)._generation.release.key) == "0.2.dev1")
    registry = posix.Registry(root)
    for each in (release, again.get("hello").get("0.2.dev1")):
        manifest = registry.pull(again.get("hello").key, each.key).manifest
        expect(f"package {each.key} is pulled with its manifest", (manifest.name, str(manifest.version)) == ("hello", str(each.key)))
        artifact = registry.mount(again.get("hello").key, each.key)
        expect(f"package {each.key} is mounted in the staging", str(artifact.path).startswith(os.path.realpath(root) + "/.stage/"))
        expect(f"package {each.key} is mounted again", registry.mount(again.get("hello").key, each.key).path == artifact.path)
        sys.path.insert(0, str(artifact.path))
        sys.modules.pop("hello", None)
        source = __import__("hello.source").source
        expect(f"package {each.key} is imported from there", source.VERSION == str(each.key))
        del sys.path[0], sys.modules["hello"], sys.modules["hello.source"]
    expect("an unknown release is invalid", refused(lambda: list(again.get("hello").get("7.0").list()), forml.AnyError))
    expect("an unknown project is invalid", refused(lambda: list(again.get("nobody").list()), forml.AnyError))
    expect("projects are listed", [str(key) for key in again.list()] == ["hello"])


def prepare(root, place):
    directory_of(root).get("busy").put(package_file("busy", "1.0", place))


def train(root, count):
    """Generations, one after the other, each of two states; whoever was slower than another tries the next number."""
    made = lost = 0
    states = None
    while made < count:
        release = directory_of(root).get("busy").get("1.0")  # a fresh one: what it has listed it believes
        if states is None:
            states = [release.dump(f"{os.getpid()}-{made}-{i}".encode()) for i in range(2)]
        try:
            release.put(trained(states))
        except (forml.AnyError, OSError):
            lost += 1
            if lost > 1000 * count:
                raise
            continue
        made += 1
        states = None
    say("trained", [made, lost])


def poll(root, until):
    """Reads the newest generation again and again until there are `until`; all that is listed is whole."""
    reads = 0
    registry = posix.Registry(root)
    project, release = asset.Project.Key("busy"), asset.Release.Key("1.0")
    while True:
        numbers = list(registry.generations(project, release))
        if numbers:
            last = max(numbers)
            if sorted(numbers) != list(range(1, last + 1)):
                expect(f"numbers have no gaps: {numbers}", False)
            tag = registry.open(project, release, last)
            bytes_of = [registry.read(project, release, last, state) for state in tag.states]
            reads += 1
            if len(bytes_of) != 2 or not all(bytes_of) or bytes_of[0].rsplit(b"-", 1)[0] != bytes_of[1].rsplit(b"-", 1)[0]:
                expect(f"generation {last} is whole: {bytes_of}", False)
            if last >= until:
                return say("polled", reads)
        time.sleep(POLL_PAUSE_S)


def main():
    root, step, *arguments = sys.argv[1:]
    place = tempfile.mkdtemp(prefix="forml-")
    try:
        if step in ("life", "reread", "prepare"):
            {"life": life, "reread": reread, "prepare": prepare}[step](pathlib.Path(root), place)
        else:
            {"train": train, "poll": poll}[step](pathlib.Path(root), int(arguments[0]))
    finally:
        shutil.rmtree(place)


main()
