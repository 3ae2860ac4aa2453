#!/usr/bin/env python3
"""`modelfs import` of directories that look as modelstore and ForML leave them: all layouts, what is left over, twice."""

import io
import json
import os
import sys
import tarfile
import time
import uuid
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402

STORE = "operatorai-model-store"
# Where the archive of a model lies below its domain: today's, between, and first; %i: the model's id, %s: a second.
LAYOUTS = ["2026.11.21-21.22.%s/%i/artifacts.tar.gz", "2022.03.20-12.00.%s/artifacts.tar.gz", "2020/09/01/10:00:%s/artifacts.tar.gz",
           "2020/09/02/10:00:%s/archive.tar.gz"]


def tar_gz(files):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as out:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 1_700_000_000.25
            out.addfile(member, io.BytesIO(content))
    return made.getvalue()


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    mounted.write_file(path, content)


def document(root, domain, number, model_id, archive):
    return ('{"model": {"domain": "%s", "model_id": "%s", "model_type": {"library": "sklearn"}, "parameters": {"c": NaN}}, '
            '"storage": {"type": "file_system", "root": "%s", "path": "%s"}, "modelstore": "0.0.81", '
            '"code": {"runtime": "python:3.11.2", "user": "root", "created": "2026/11/%02d/%02d:%02d:%02d", "dependencies": {}}}'
            % (domain, model_id, root, archive, 1 + number // 86400, number // 3600 % 24, number // 60 % 60, number % 60)).encode()


def make_modelstore(run, root, count):
    """Models by (domain, id): their document, archive and files."""
    models = {}
    for number in range(count):
        domain, model_id = f"domain-{number % 3}", f"model-{number}"
        tail = LAYOUTS[number % len(LAYOUTS)].replace("%i", model_id).replace("%s", f"{number:02}")
        files = {"model-info.json": b'{"library": "sklearn"}', "model.joblib": run.random.randbytes(200_000 if number % 10 == 0 else 2_000)}
        path = f"{root}/{STORE}/{domain}/{tail}"
        text, archive = document(root, domain, number, model_id, path), tar_gz(files)
        write(path, archive)
        write(f"{root}/{STORE}/{domain}/versions/{model_id}.json", text)
        write(f"{root}/{STORE}/domains/{domain}.json", text)
        models[domain, model_id] = (text, archive, files)
    write(f"{root}/{STORE}/domain-0/versions/modelstore-deleted/gone.json", b"{}")
    write(f"{root}/{STORE}/domain-0/versions/production/model-0.json", b"{}")
    write(f"{root}/{STORE}/domain-0/2026.11.21-23.00.00/orphan/artifacts.tar.gz", tar_gz({"a": b"b"}))
    write(f"{root}/{STORE}/domain-0/versions/lost.json", document(root, "domain-0", 1, "lost", "/nowhere/artifacts.tar.gz"))
    write(f"{root}/{STORE}/model_states/production.json", b'{"created": "2026/11/21/21:22:47", "state_name": "production"}')
    return models


def make_forml(root):
    """Releases: their package's bytes and the states of their generations."""
    releases = {}
    for version in ("0.9", "0.10", "0.2"):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("__4ml__.py", f'NAME = "hello"\nVERSION = "{version}"\nPACKAGE = "hello"\nMODULES = {{}}')
            out.writestr("hello/__init__.py", "")
        write(f"{root}/hello/{version}/package.4ml", made.getvalue())
        generations = {}
        for number in range(1, 13 if version == "0.10" else 2):
            state = str(uuid.uuid4())
            write(f"{root}/hello/{version}/{number}/{state}.bin", f"{version} {number}".encode())
            tag = f'states = [ "{state}",]\n\n[training]\ntimestamp = 2026-03-04T05:06:07\n\n[tuning]\n'.encode()
            write(f"{root}/hello/{version}/{number}/tag.toml", tag)
            generations[number] = {f"{state}.bin": f"{version} {number}".encode(), "tag.toml": tag}
        releases[version] = (made.getvalue(), generations)
    write(f"{root}/hello/0.9/.stage/{uuid.uuid4()}.bin", b"never used")
    write(f"{root}/hello/0.9/2/{uuid.uuid4()}.bin", b"never completed")
    os.makedirs(f"{root}/hello/1.0")
    return releases


def imported(run, daemon, source, target):
    done = daemon.command("import", source, *target, "--json")
    if done.returncode != 0:
        run.violation(f"modelfs import: exit code {done.returncode}: {done.stderr}")
        return {}
    return json.loads(done.stdout)


def expect(run, what, found, wanted):
    if found != wanted:
        run.violation(f"{what}: {found!r}, not {wanted!r}")


def check_models(run, daemon, models):
    for (domain, model_id), (text, archive, files) in models.items():
        release = f"{daemon.mount_point}/{domain}/{model_id}"
        if wrong := mounted.difference(release, files):
            run.violation(wrong)
        expect(run, f"{release}.json", mounted.content_of(release + ".json"), text)
        expect(run, f"{release}.tar.gz", mounted.content_of(release + ".tar.gz") == archive, True)
    newest = max((number for number, (domain, _) in enumerate(models) if domain == "domain-0"), default=0)
    expect(run, "latest", os.readlink(f"{daemon.mount_point}/domain-0/latest"), f"model-{newest}")


def check_releases(run, daemon, releases):
    for version, (package, generations) in releases.items():
        release = f"{daemon.mount_point}/hello/{version}"
        expect(run, f"{release}/package.4ml", mounted.content_of(release + "/package.4ml"), package)
        expect(run, f"numbers of {version}", sorted(int(name) for name in os.listdir(release) if name.isdigit()), sorted(generations))
        for number, files in generations.items():
            if wrong := mounted.difference(f"{release}/{number}", files):
                run.violation(wrong)
    expect(run, "latest of ForML's", os.readlink(f"{daemon.mount_point}/hello/latest"), "0.10")


def body(run, options):
    models = make_modelstore(run, run.path("modelstore"), options.models)
    releases = make_forml(run.path("forml"))
    daemon = run.daemon("store")
    daemon.start()
    begin = time.monotonic()
    report = imported(run, daemon, run.path("modelstore"), [daemon.mount_point])
    taken = time.monotonic() - begin
    expect(run, "models published", report.get("published"), len(models))
    expect(run, "left", sorted(each["reason"] for each in report.get("left", [])),
           ["a deleted model", "no model's document names it", "states are not taken over; a label may say the same",
            "the archive that it names is not there"])
    check_models(run, daemon, models)
    daemon.stop()
    # Without a daemon, and a second time.
    again = imported(run, daemon, run.path("modelstore"), ["--store", daemon.store])
    expect(run, "published again", (again.get("published"), again.get("already_published")), (0, len(models)))
    report = imported(run, daemon, run.path("forml"), ["--store", daemon.store])
    expect(run, "commits of ForML's", report.get("published"), sum(1 + len(generations) for _, generations in releases.values()))
    expect(run, "left of ForML's", len(report.get("left", [])), 3)
    daemon.start()
    check_models(run, daemon, models)
    check_releases(run, daemon, releases)
    none = daemon.command("import", run.path("store"), daemon.mount_point)
    expect(run, "a directory of neither", none.returncode != 0 and "neither a modelstore" in none.stderr, True)
    daemon.stop()
    print(f"{len(models)} models imported in {taken:.2f} s ({taken / max(1, len(models)) * 1000:.1f} ms each), "
          f"{len(releases)} packages with {sum(len(each) for _, each in releases.values())} generations")


mounted.program(__doc__, lambda parser: parser.add_argument("--models", type=int, default=24), body)
