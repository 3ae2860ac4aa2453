"""A file store of MLflow as several of its versions leave it, and what `modelfs import` makes of it. Used by importing.py."""

import json
import os

import mounted
from exporting import expect

RUN, MODEL = "a" * 32, "m-" + "b" * 32
MLMODEL = """artifact_path: model
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.2
  sklearn:
    pickled_model: model.pkl
run_id: %s
""" % RUN


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    mounted.write_file(path, text.encode())


def version(root, number, name="churn", **fields):
    wanted = {"creation_timestamp": 1795337340607 + int(number), "current_stage": "None", "description": "null", "name": name,
              "run_id": RUN, "run_link": "null", "status": "READY", "user_id": "ann", "version": number, **fields}
    write(f"{root}/models/{name}/version-{number}/meta.yaml", "".join(f"{key}: {value}\n" for key, value in wanted.items()))


def files_of(text):
    return {"MLmodel": MLMODEL, "model.pkl": text}


def put(root, directory, text):
    for name, content in files_of(text).items():
        write(f"{root}/{directory}/{name}", content)


def make_store(root):
    """The content that each version must have."""
    run, model = f"0/{RUN}", f"0/models/{MODEL}"
    write(f"{root}/0/meta.yaml", f"artifact_location: file://{root}/0\nexperiment_id: '0'\n")
    write(f"{root}/{run}/meta.yaml", f"artifact_uri: file://{root}/{run}/artifacts\nrun_id: {RUN}\n")
    write(f"{root}/{model}/meta.yaml", f"model_id: {MODEL}\n")
    for place, text in ((f"{run}/artifacts/model", "one"), (f"{run}/artifacts/ü x", "two"), (f"{model}/artifacts", "three"),
                        (f"{run}/artifacts/nobody's", "never registered")):
        put(root, place, text)
    write(f"{root}/models/churn/meta.yaml", "aliases:\n  champion: 2\nname: churn\ndescription: who leaves\n")
    version(root, 1, source=f"file://{root}/{run}/artifacts/model", description='"first\\nof all"')
    version(root, 2, source=f"'runs:/{RUN}/ü x'", current_stage="Production")
    version(root, 3, source=f"models:/{MODEL}", model_id=MODEL)
    version(root, 4, source="s3://bucket/model")
    version(root, 5, source=f"{root}/{run}/artifacts/model", current_stage="Deleted_Internal")
    version(root, 6, source=f"{root}/{run}/artifacts/model", status="PENDING_REGISTRATION")
    version(root, 7, source="/nowhere/at/all")
    # Where the store was before it was copied; and numbers sort as numbers.
    version(root, 10, source=f"models:/{MODEL}", storage_location=f"file:///srv/mlruns/{run}/artifacts/%C3%BC%20x")
    write(f"{root}/models/churn/version-8/meta.yaml", "source: [")
    for alias, number in (("champion", "2"), ("latest", "1"), ("lost", "4")):
        write(f"{root}/models/churn/aliases/{alias}", number)
    write(f"{root}/models/churn/version-1/tags/who", "ann")
    write(f"{root}/models/churn/version-1/tags/team/lead", "bob")
    write(f"{root}/models/model.zip/meta.yaml", "name: model.zip\n")
    return {"1": "one", "2": "two", "3": "three", "10": "two"}


# What is left, in the order of the report, and a word of why.
LEFT = [("version-4", "not a path"), ("version-5", "deleted"), ("version-6", "not ready"), ("version-7", "not there"),
        ("version-8", "malformed YAML"), ("model.zip", "face"), ("nobody's", "not registered"), ("churn/latest", "reserved"),
        ("churn/lost", "names exactly one")]


def check_left(run, left):
    for name, reason in LEFT:
        if not any(each["path"].endswith(name) and reason in each["reason"] for each in left):
            run.violation(f"{name} is not left because of '{reason}': {left}")
    expect(run, "how many are left", len(left), len(LEFT))


def check(run, daemon, imported):
    root = run.path("mlruns")
    versions = make_store(root)
    report = imported(run, daemon, root, [daemon.mount_point])
    expect(run, "versions of MLflow's", (report.get("published"), report.get("labels")), (len(versions), 1))
    check_left(run, report.get("left", []))
    churn = f"{daemon.mount_point}/churn"
    for number, text in versions.items():
        if wrong := mounted.difference(f"{churn}/{number}", {name: content.encode() for name, content in files_of(text).items()}):
            run.violation(wrong)
    expect(run, "latest of MLflow's", os.readlink(churn + "/latest"), "10")
    expect(run, "an alias", os.readlink(churn + "/champion"), "2")
    first, second = (json.loads(mounted.content_of(f"{churn}/{number}.json")) for number in (1, 2))
    expect(run, "what MLflow knows", first["mlflow"],
           {"name": "churn", "version": "1", "run_id": RUN, "source": f"file://{root}/0/{RUN}/artifacts/model",
            "description": "first\nof all", "model_description": "who leaves", "aliases": ["latest"], "tags": {"who": "ann", "team/lead": "bob"}})
    expect(run, "who made it", (first["code"]["user"], first["code"]["runtime"], first["code"]["created"]),
           ("ann", "python:3.11.2", "2026/11/22/08:49:00"))
    expect(run, "its library", first["model"], {"domain": "churn", "model_type": {"library": "sklearn"}})
    expect(run, "its stage and alias", (second["mlflow"]["current_stage"], second["mlflow"]["aliases"]), ("Production", ["champion"]))
    # A label that was moved here stays; nothing comes twice.
    done = daemon.command("label", churn + "/champion", "3")
    report = imported(run, daemon, os.path.dirname(root), [daemon.mount_point])
    expect(run, "a second time", (done.returncode, report.get("published"), report.get("already_published"), report.get("labels"),
                                  len(report.get("left", []))), (0, 0, len(versions), 0, len(LEFT) + 1))
    expect(run, "a label that was moved", os.readlink(churn + "/champion"), "3")
