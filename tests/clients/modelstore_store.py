"""What a user of modelstore does, by its own library. Run by export_clients.py: modelstore_store.py ROOT STEP [ARGUMENT]."""

import json
import os
import pathlib
import sys
import tempfile
import warnings

import modelstore
from sklearn.linear_model import LinearRegression

DOMAINS = {"fraud": ["one", "two", "three"], "churn": ["four"]}


def say(operation, value=True):
    print(json.dumps([operation, value]), flush=True)


def expect(operation, condition):
    say(operation, bool(condition))


def trained(slope):
    return LinearRegression().fit([[0.0], [1.0]], [0.0, slope])


def make(store):
    for domain, ids in DOMAINS.items():
        for number, model_id in enumerate(ids):
            store.upload(domain, model_id=model_id, model=trained(number + 1.0), extra_metadata={"number": number, "share": float("nan")})
    say("made", sum(map(len, DOMAINS.values())))


def reread(store, root):
    """What make() made, in a directory where no modelstore has ever been."""
    expect("its domains are listed", set(DOMAINS) <= set(store.list_domains()))
    for domain, ids in DOMAINS.items():
        expect(f"models of {domain}", sorted(store.list_models(domain)) == sorted(ids))
        expect(f"the newest of {domain}", store.get_domain(domain)["model"]["model_id"] == ids[-1])
        for number, model_id in enumerate(ids):
            info = store.get_model_info(domain, model_id)
            expect(f"{model_id} is stored there", info["storage"]["path"].startswith(root + "/") and info["storage"]["root"] == root)
            expect(f"{model_id} has what its user said", info["extra"]["number"] == number)
            expect(f"{model_id} predicts", abs(store.load(domain, model_id).predict([[2.0]])[0] - 2 * (number + 1)) < 1e-9)
    with tempfile.TemporaryDirectory() as place:
        expect("the newest is downloaded", "model.joblib" in os.listdir(store.download(place, "fraud")))


def native(store, domain):
    """A domain of releases that no modelstore made."""
    ids = store.list_models(domain)
    expect("both are listed", len(ids) == 2)
    for model_id in ids:
        info = store.get_model_info(domain, model_id)
        with tempfile.TemporaryDirectory() as place:
            files = store.download(place, domain, model_id)
            expect(f"{model_id} is downloaded", pathlib.Path(files, "weights.txt").read_text() in ("a", "b"))
        expect(f"{model_id} is said by whom", bool(info["code"]["user"]) and info["model"]["domain"] == domain)


def more(store):
    """The store lives on."""
    store.upload("fraud", model_id="later", model=trained(7.0))
    expect("one more is listed first", store.list_models("fraud")[0] == "later")
    store.delete_model("fraud", "one", skip_prompt=True)
    expect("one is deleted", "one" not in store.list_models("fraud"))


def main():
    root, step, *arguments = sys.argv[1:]
    warnings.filterwarnings("error", message=".*root_dir.*")  # that the store is not where its documents say
    store = modelstore.ModelStore.from_file_system(root_directory=root, create_directory=step == "make")
    if step == "reread":
        reread(store, root)
    elif step == "native":
        native(store, arguments[0])
    else:
        {"make": make, "more": more}[step](store)


main()
