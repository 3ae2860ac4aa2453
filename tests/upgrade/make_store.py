#!/usr/bin/env python3
"""Made the store of version 1 that the test upgrades, with the modelfs of commit fea10ec: that is the last one that writes such stores.

    python3 tests/upgrade/make_store.py --modelfs build-of-fea10ec/modelfs --into tests/upgrade

writes version_1.tar.xz, the store of a daemon that has ended, and version_1.json, what that daemon showed.
"""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402
import shown  # noqa: E402

LAYOUT = "operatorai-model-store"
ROOT = "/models"  # where the clients had it mounted
STAMP = "2026.11.21-21.22.47"


def archive(content):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("model.joblib")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def push(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    os.write(fd, content)
    os.close(fd)


def document(domain, model, path):
    return json.dumps({"model": {"domain": domain, "model_id": model, "model_type": {"library": "sklearn"}},
                       "storage": {"type": "file_system", "root": ROOT, "path": f"{ROOT}/{path}"}, "modelstore": "0.0.81"}).encode()


def upload(root, model, content, name="artifacts.tar.gz"):
    path = f"{LAYOUT}/fraud/{STAMP}/{model}/{name}"
    push(f"{root}/{path}", content)
    push(f"{root}/{LAYOUT}/fraud/versions/{model}.json", document("fraud", model, path))


def set_state(root, state, model):
    push(f"{root}/{LAYOUT}/fraud/versions/{state}/{model}.json", document("fraud", model, "x"))


def delete(root, model):
    """As modelstore's client does it."""
    os.unlink(f"{root}/{LAYOUT}/fraud/{STAMP}/{model}/artifacts.tar.gz")
    os.rmdir(f"{root}/{LAYOUT}/fraud/{STAMP}/{model}")
    push(f"{root}/{LAYOUT}/fraud/versions/modelstore-deleted/{model}.json", document("fraud", model, "x"))
    os.unlink(f"{root}/{LAYOUT}/fraud/versions/{model}.json")


def native(root):
    """A domain with releases, generations, labels, a trash and drafts."""
    churn = f"{root}/churn"
    os.mkdir(churn)
    for version in ("1.0", "1.1", "1.2"):
        mounted.make_tree(f"{churn}/.stage/x", {"small": version.encode(), "large": version.encode() * 25_000, "sub/same": b"same"})
        os.symlink("sub/same", f"{churn}/.stage/x/link")
        os.rename(f"{churn}/.stage/x", f"{churn}/{version}")
    for number in (1, 2):
        mounted.make_tree(f"{churn}/.stage/g", {"state": str(number).encode()})
        os.rename(f"{churn}/.stage/g", f"{churn}/1.1/{number}")
    os.symlink("1.0", f"{churn}/prod")
    os.rename(f"{churn}/1.2", f"{root}/.modelfs/trash/churn/1.2")
    mounted.write_file(f"{churn}/2.0.tar.gz", archive(b"came as an archive"))
    mounted.make_tree(f"{churn}/.stage/draft", {"small": b"of a draft", "large": b"draft" * 14_000, "sub/hidden": b""})
    os.link(f"{churn}/.stage/draft/small", f"{churn}/.stage/draft/also")
    os.symlink("small", f"{churn}/.stage/draft/link")
    os.setxattr(f"{churn}/.stage/draft/small", "user.note", b"kept")


def modelstores(root):
    """The layout of modelstore's client: live, in states, deleted by it, removed natively, waiting, and of its first years."""
    for model in ("m1", "m2", "m3", "m4"):
        upload(root, model, archive(model.encode() * 40))
    upload(root, "m5", b"no archive", "model.onnx")
    for state, model in (("production", "m1"), ("production", "m4"), ("staging", "m2"), ("staging", "m5")):
        set_state(root, state, model)
    delete(root, "m3")
    os.rename(f"{root}/fraud/m4", f"{root}/.modelfs/trash/fraud/m4")
    push(f"{root}/{LAYOUT}/fraud/{STAMP}/waiting/artifacts.tar.gz", archive(b"waits for its document"))
    first = "seed/2026/11/21/21:18:13/archive.tar.gz"
    os.mkdir(f"{root}/seed")
    push(f"{root}/{first}", archive(b"of the first years"))
    push(f"{root}/seed/versions/old.json", document("seed", "old", first))


def body(run, options):
    daemon = run.daemon("store")
    daemon.start()
    os.umask(0o022)
    native(daemon.mount_point)
    modelstores(daemon.mount_point)
    mounted.wait_for(lambda: daemon.json("gc")["blobs_removed"] == 0, "nothing is left to sweep")
    before = shown.shown(daemon.mount_point)
    daemon.stop()
    for name in ("LOCK", "events", "control.sock"):
        if os.path.lexists(f"{daemon.store}/{name}"):
            os.unlink(f"{daemon.store}/{name}")
    with open(f"{options.into}/version_1.json", "w", encoding="utf-8") as file:
        json.dump(before, file, indent=1, sort_keys=True)
        file.write("\n")
    subprocess.run(["tar", "-C", run.directory, "--sort=name", "--format=posix", "-cJf", os.path.abspath(f"{options.into}/version_1.tar.xz"), "store"], check=True)
    print(f"{len(before)} paths; {os.path.getsize(options.into + '/version_1.tar.xz')} bytes")


if __name__ == "__main__":
    mounted.program(__doc__, lambda parser: parser.add_argument("--into", required=True), body)
