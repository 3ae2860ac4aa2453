"""What users of modelstore do on a mount, by its own library. Run by modelstore_client.py: modelstore_life.py ROOT STEP [ARGUMENT]."""

import gzip
import io
import json
import os
import random
import sys
import tarfile
import tempfile
import time

import modelstore
from modelstore.utils import exceptions
from sklearn.linear_model import LinearRegression

STORE = "operatorai-model-store"
# What a reader may meet while others delete: a model that was listed is gone, or, since the archive goes first, has none.
GONE = (exceptions.ModelNotFoundException, exceptions.ModelDeletedException, exceptions.DomainNotFoundException,
        exceptions.FilePullFailedException, FileNotFoundError, UnboundLocalError)
OPEN_TRIES = 1000
POLL_PAUSE_S = 0.001


def say(operation, value=True):
    print(json.dumps([operation, value]), flush=True)


def expect(operation, condition):
    say(operation, bool(condition))


def raised(call):
    try:
        call()
    except Exception as error:  # pylint: disable=broad-except
        return type(error).__name__
    return ""


def opened(root):
    """Two that open a store at once may meet in the file with which each tries whether it may write."""
    for tries in range(OPEN_TRIES):
        try:
            return modelstore.ModelStore.from_file_system(root_directory=root)
        except Exception:  # pylint: disable=broad-except
            if tries + 1 == OPEN_TRIES:
                raise
    return None


def trained(slope):
    return LinearRegression().fit([[0.0], [1.0]], [0.0, slope])


def slope_of(model):
    return round(float(model.predict([[1.0]])[0]), 6)


def life(store, root):
    expect("an empty store has no domains", store.list_domains() == [])
    expect("an unknown domain", raised(lambda: store.list_models("fraud")) == "DomainNotFoundException")
    made = store.upload("fraud", model_id="rf-one", model=trained(1.0), extra_metadata={"share": float("nan")})
    expect("its path is the mount's", made["storage"]["path"].startswith(f"{root}/{STORE}/fraud/"))
    other = store.upload("fraud", model=trained(2.0))["model"]["model_id"]
    expect("the domain is listed", store.list_domains() == ["fraud"])
    expect("the domain is that of the last upload", store.get_domain("fraud")["model"]["model_id"] == other)
    expect("both are listed", sorted(store.list_models("fraud")) == sorted(["rf-one", other]))
    expect("both exist", store.model_exists("fraud", "rf-one") and store.model_exists("fraud", other))
    expect("a third does not", not store.model_exists("fraud", "nobody"))
    expect("NaN comes back", store.get_model_info("fraud", "rf-one")["extra"]["share"] != 0)
    expect("one is loaded", slope_of(store.load("fraud", "rf-one")) == 1.0)
    with tempfile.TemporaryDirectory() as place:
        expect("the last one is downloaded", "model.joblib" in os.listdir(store.download(place, "fraud")))
    expect("the same id is refused", raised(lambda: store.upload("fraud", model_id="rf-one", model=trained(3.0))) == "ModelExistsException")
    store.create_model_state("production")
    store.create_model_state("production")
    expect("the state is listed", store.list_model_states() == ["production"])
    store.set_model_state("fraud", "rf-one", "production")
    store.set_model_state("fraud", "rf-one", "production")
    expect("the model is in it", store.list_models("fraud", state_name="production") == ["rf-one"])
    expect("and says so", store.get_model_states("fraud", "rf-one") == ["production"])
    store.remove_model_state("fraud", "rf-one", "production")
    expect("it is in it no more", store.get_model_states("fraud", "rf-one") == [])
    store.remove_model_state("fraud", "rf-one", "production")
    store.set_model_state("fraud", "rf-one", "production")
    store.delete_model("fraud", "rf-one", skip_prompt=True)
    expect("it is deleted", raised(lambda: store.model_exists("fraud", "rf-one")) == "ModelDeletedException")
    expect("a deleted one is not loaded", raised(lambda: store.load("fraud", "rf-one")) == "ModelDeletedException")
    expect("nor listed", store.list_models("fraud") == [other])
    store.upload("fraud", model_id="rf-one", model=trained(4.0))
    expect("its id comes back with another model", slope_of(store.load("fraud", "rf-one")) == 4.0)
    store.delete_model("fraud", other, skip_prompt=True)
    store.delete_model_state("production", skip_prompt=True)
    expect("the state is gone", store.list_model_states() == [])
    expect("a bad domain's name is refused", raised(lambda: store.upload("versions", model=trained(1.0))) == "ValueError")
    expect("a file is uploaded, too", bool(uploaded_file(store)))


def uploaded_file(store):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("weights")
        file.flush()
        return store.upload("files", model=file.name, model_id="a-file")


def reread(store, _root):
    """What life() left, after a restart."""
    expect("domains", sorted(store.list_domains()) == ["files", "fraud"])
    expect("models", store.list_models("fraud") == ["rf-one"])
    expect("one is loaded", slope_of(store.load("fraud", "rf-one")) == 4.0)
    with tempfile.TemporaryDirectory() as place:
        expect("the file is downloaded", len(os.listdir(store.download(place, "files", "a-file"))) > 0)


def native(store, domain, count):
    """Releases that came another way."""
    ids = store.list_models(domain)
    expect(f"all {count} are listed", len(ids) == count)
    for model_id in ids:
        info = store.get_model_info(domain, model_id)
        expect(f"{model_id} is said by whom", bool(info["code"]["user"]) and info["model"]["domain"] == domain)
        with tempfile.TemporaryDirectory() as place:
            expect(f"{model_id} is downloaded", "weights.txt" in os.listdir(store.download(place, domain, model_id)))
    store.delete_model(domain, ids[0], skip_prompt=True)
    expect("one is deleted", store.list_models(domain) == ids[1:])


def work(store, count):
    """Uploads `count` models, deletes some, uploads some of these again."""
    live, chance = {}, random.Random(os.getpid())
    deleted = 0
    for number in range(count):
        model_id, slope = f"m-{os.getpid()}-{number}", float(number + 1)
        store.upload("crowd", model_id=model_id, model=trained(slope), extra_metadata={"slope": slope})
        live[model_id] = slope
        if chance.random() < 0.3:
            store.set_model_state("crowd", model_id, "production")
        if chance.random() < 0.3:
            gone = chance.choice(sorted(live))
            store.delete_model("crowd", gone, skip_prompt=True)
            deleted += 1
            del live[gone]
            if chance.random() < 0.5:
                store.upload("crowd", model_id=gone, model=trained(slope + 0.5), extra_metadata={"slope": slope + 0.5})
                live[gone] = slope + 0.5
    say("worked", [live, deleted])


def whole(path):
    """False: somebody reads half of it."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        if path.endswith(".json"):
            json.loads(data)
        else:
            tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))).getmembers()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    except (ValueError, EOFError, tarfile.TarError):
        return False
    return True


def poll(store, root, stop):
    """Loads what is listed, and looks at every file that there is, until the file `stop` appears."""
    chance, reads, files = random.Random(os.getpid()), 0, 0
    while not os.path.exists(stop):
        for place, _, names in os.walk(f"{root}/{STORE}"):
            for name in names:
                files += 1
                if not whole(os.path.join(place, name)):
                    expect(f"{place}/{name} is whole", False)
        try:
            models = store.list_models("crowd")
            expected = chance.choice(models) if models else None
            if expected is not None:
                info = store.get_model_info("crowd", expected)
                slope = slope_of(store.load("crowd", expected))
                after = store.get_model_info("crowd", expected)
                if info["extra"] == after["extra"] and slope != info["extra"]["slope"]:
                    expect(f"{expected} is the model that its metadata tells of", False)
                reads += 1
        except GONE:
            pass
        time.sleep(POLL_PAUSE_S)
    say("polled", [reads, files])


def check(store, text):
    """After all: exactly these models."""
    wanted = json.loads(text)
    expect("exactly the models that were made and not deleted", sorted(store.list_models("crowd")) == sorted(wanted))
    for model_id, slope in wanted.items():
        if slope_of(store.load("crowd", model_id)) != slope:
            expect(f"{model_id} is the last that was uploaded", False)
    say("checked", len(wanted))


def main():
    root, step, *arguments = sys.argv[1:]
    store = opened(root)
    if step in ("life", "reread"):
        {"life": life, "reread": reread}[step](store, root)
    elif step == "native":
        native(store, arguments[0], int(arguments[1]))
    elif step == "prepare":
        store.create_model_state("production")
    elif step == "work":
        work(store, int(arguments[0]))
    elif step == "poll":
        poll(store, root, arguments[0])
    else:
        check(store, arguments[0])


main()
