#!/usr/bin/env python3
"""`modelfs import` of directories that look as modelstore, ForML and MLflow leave them: all layouts, what is left over, twice.
And `modelfs export` of all that: the same again."""

import io
import json
import os
import sys
import tarfile
import time
import uuid
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import exporting  # noqa: E402
import importing_mlflow  # noqa: E402
import mounted  # noqa: E402
from exporting import expect  # noqa: E402

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
    """Models by (domain, id): their document, archive, files and number."""
    models = {}
    numbered = [(number, f"domain-{number % 3}", f"model-{number}") for number in range(count)]
    # Within one second only the domain's own document tells which was the last.
    numbered += [(4 * count, "at-once", model_id) for model_id in ("z", "a", "m")]
    for number, domain, model_id in numbered:
        layout = number % len(LAYOUTS)
        # Without an id in it the path must be another one for each model; what stands for a second may be any number.
        tail = LAYOUTS[layout].replace("%i", model_id).replace("%s", f"{number if layout else number % 60:02}")
        files = {"model-info.json": b'{"library": "sklearn"}', "model.joblib": run.random.randbytes(200_000 if number % 10 == 0 else 2_000)}
        path = f"{root}/{STORE}/{domain}/{tail}"
        text, archive = document(root, domain, number, model_id, path), tar_gz(files)
        write(path, archive)
        write(f"{root}/{STORE}/{domain}/versions/{model_id}.json", text)
        write(f"{root}/{STORE}/domains/{domain}.json", text)
        models[domain, model_id] = (text, archive, files, number)
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


def on_mount(text, mount_point, domain, model_id):
    """A document as the mount shows it: the same, but for the two strings that say where the model is."""
    storage = json.loads(text)["storage"]
    here = f"{mount_point}/{STORE}/{domain}/{model_id}/artifacts.tar.gz"
    return text.replace(b'"path": "' + storage["path"].encode(), b'"path": "' + here.encode()).replace(
        b'"root": "' + storage["root"].encode() + b'"', b'"root": "' + mount_point.encode() + b'"')


def check_models(run, daemon, models):
    for (domain, model_id), (text, archive, files, _) in models.items():
        release = f"{daemon.mount_point}/{domain}/{model_id}"
        if wrong := mounted.difference(release, files):
            run.violation(wrong)
        expect(run, f"{release}.json", mounted.content_of(release + ".json"), on_mount(text, daemon.mount_point, domain, model_id))
        expect(run, f"{release}.tar.gz", mounted.content_of(release + ".tar.gz") == archive, True)
    for place in ("domain-0", "at-once"):
        *_, newest = [model_id for domain, model_id in models if domain == place]
        expect(run, f"latest of {place}", os.readlink(f"{daemon.mount_point}/{place}/latest"), newest)


def check_releases(run, daemon, releases):
    for version, (package, generations) in releases.items():
        release = f"{daemon.mount_point}/hello/{version}"
        expect(run, f"{release}/package.4ml", mounted.content_of(release + "/package.4ml"), package)
        expect(run, f"numbers of {version}", sorted(int(name) for name in os.listdir(release) if name.isdigit()), sorted(generations))
        for number, files in generations.items():
            if wrong := mounted.difference(f"{release}/{number}", files):
                run.violation(wrong)
    expect(run, "latest of ForML's", os.readlink(f"{daemon.mount_point}/hello/latest"), "0.10")


def exported_models(root, models):
    """The files of a modelstore of today at `root` that holds them."""
    files = {}
    for (domain, model_id), (_, archive, _, number) in models.items():
        # The directory is the one it came from, or, where that was of an older layout, the time in the document.
        stamp = (f"2026.11.21-21.22.{number % 60:02}" if number % len(LAYOUTS) == 0 else
                 f"2026.11.{1 + number // 86400:02}-{number // 3600 % 24:02}.{number // 60 % 60:02}.{number % 60:02}")
        path = f"{STORE}/{domain}/{stamp}/{model_id}/artifacts.tar.gz"
        text = document(root, domain, number, model_id, f"{root}/{path}")
        files |= {path: archive, f"{STORE}/{domain}/versions/{model_id}.json": text, f"{STORE}/domains/{domain}.json": text}
        if (domain, model_id) == ("domain-0", "model-0"):
            created = json.loads(text)["code"]["created"]
            files |= {f"{STORE}/{domain}/versions/production/{model_id}.json": text,
                      f"{STORE}/model_states/production.json": f'{{"created":"{created}","state_name":"production"}}'.encode()}
    return files, len(models)


def exported_releases(releases):
    files = {}
    for version, (package, generations) in releases.items():
        files[f"hello/{version}/package.4ml"] = package
        for number, content in generations.items():
            files |= {f"hello/{version}/{number}/{name}": value for name, value in content.items()}
    return files, sum(1 + len(generations) for _, generations in releases.values())


def check_exports(run, daemon, models, releases):
    """With a daemon and without; of domains that are named and of all."""
    domains = sorted({domain for domain, _ in models})
    begin = time.monotonic()
    exporting.export_twice(run, daemon, "modelstore", [f"{daemon.mount_point}/{domain}" for domain in domains],
                           run.path("out"), exported_models(run.path("out"), models))
    taken = time.monotonic() - begin
    exporting.export_twice(run, daemon, "forml", [f"{daemon.mount_point}/hello"], run.path("out-forml"), exported_releases(releases))
    exporting.kill_and_go_on(run, daemon, "modelstore", [f"{daemon.mount_point}/{domain}" for domain in domains],
                             run.path("killed"), exported_models(run.path("killed"), models))
    exporting.kill_and_go_on(run, daemon, "forml", [f"{daemon.mount_point}/hello"], run.path("killed-forml"), exported_releases(releases))
    refused = daemon.command("export", "--layout", "forml", daemon.mount_point, f"{daemon.mount_point}/domain-0/x")
    expect(run, "an export onto the mount", "lies on a modelfs mount" in refused.stderr, True)
    daemon.stop()
    everything = ["--store", daemon.store]
    report = exporting.exported(run, daemon, "forml", everything, run.path("out-forml-2"))
    expect(run, "left of the models", len(report["left"]), len(models) + 1)  # and a state
    if wrong := mounted.difference(run.path("out-forml-2"), exported_releases(releases)[0]):
        run.violation(wrong)
    report = exporting.exported(run, daemon, "modelstore", [*everything, "domain-0"], run.path("out-one"))
    expect(run, "one domain", report["written"], sum(domain == "domain-0" for domain, _ in models))
    exporting.check_what_is_there(run, daemon, [*everything, "domain-0"], run.path("out-one"), STORE, ("domain-0", "model-0"))
    daemon.start()
    return taken


def body(run, options):
    models = make_modelstore(run, run.path("modelstore"), options.models)
    releases = make_forml(run.path("forml"))
    os.mkdir(run.path("nothing"))
    daemon = run.daemon("store")
    daemon.start()
    begin = time.monotonic()
    report = imported(run, daemon, run.path("modelstore"), [daemon.mount_point])
    taken = time.monotonic() - begin
    expect(run, "models published", report.get("published"), len(models))
    expect(run, "left", sorted(each["reason"] for each in report.get("left", [])),
           ["a deleted model", "no model's document names it", "the archive that it names is not there"])
    expect(run, "states", report.get("states"), 1)
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
    out_taken = check_exports(run, daemon, models, releases)
    importing_mlflow.check(run, daemon, imported)
    none = daemon.command("import", run.path("nothing"), daemon.mount_point)
    expect(run, "a directory of neither", none.returncode != 0 and "neither a modelstore" in none.stderr, True)
    for own in (run.path("store"), daemon.mount_point, f"{daemon.mount_point}/{STORE}"):
        refused = daemon.command("import", own, daemon.mount_point)
        expect(run, f"an import of {own}", refused.returncode != 0 and "modelfs put DIR" in refused.stderr, True)
    daemon.stop()
    print(f"{len(models)} models imported in {taken:.2f} s ({taken / max(1, len(models)) * 1000:.1f} ms each), exported twice in {out_taken:.2f} s, "
          f"{len(releases)} packages with {sum(len(each) for _, each in releases.values())} generations")


mounted.program(__doc__, lambda parser: parser.add_argument("--models", type=int, default=24), body)
