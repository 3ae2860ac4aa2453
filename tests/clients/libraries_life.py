"""Models of several libraries through modelstore, and by path: libraries_life.py ROOT all. Each line: [operation, it is so]."""

import json
import os
import sys
import tempfile

import joblib
import lightgbm
import numpy
import onnxruntime
import safetensors.numpy
import skl2onnx
import xgboost
from modelstore import ModelStore
from sklearn.linear_model import LogisticRegression


def tell(operation, is_so):
    print(json.dumps([operation, bool(is_so)]), flush=True)


def onnx_labels(session, features):
    return session.run(None, {session.get_inputs()[0].name: features})[0]


def by_path(root, domain, suffix):
    """Its file in the latest release of the domain."""
    release = f"{root}/{domain}/latest"
    return f"{release}/{next(name for name in os.listdir(release) if name.endswith(suffix))}"


def main(root):
    store = ModelStore.from_file_system(root_directory=root)
    features = numpy.random.RandomState(0).rand(200, 4).astype(numpy.float32)
    labels = (features.sum(1) > 2).astype(int)
    linear = LogisticRegression().fit(features, labels)
    trees = xgboost.XGBClassifier(n_estimators=5).fit(features, labels)
    booster = xgboost.train({}, xgboost.DMatrix(features, labels), 3)
    light = lightgbm.train({"verbose": -1}, lightgbm.Dataset(features, labels), 3)
    cases = [("scikit-learn", linear, lambda model: model.predict(features)), ("xgboost", trees, lambda model: model.predict(features)),
             ("xgboost-booster", booster, lambda model: model.predict(xgboost.DMatrix(features))),
             ("lightgbm", light, lambda model: model.predict(features))]
    for domain, model, predict in cases:
        uploaded = store.upload(domain, model=model)["model"]["model_id"]
        tell(f"{domain}: what is loaded predicts the same", numpy.allclose(predict(store.load(domain, uploaded)), predict(model)))

    uploaded = store.upload("onnx", model=skl2onnx.to_onnx(linear, features[:1]))["model"]["model_id"]
    tell("onnx: what is loaded predicts the same", (onnx_labels(store.load("onnx", uploaded), features) == linear.predict(features)).all())
    session = onnxruntime.InferenceSession(by_path(root, "onnx", ".onnx"))
    tell("onnx: so it does by path", (onnx_labels(session, features) == linear.predict(features)).all())

    with tempfile.TemporaryDirectory() as place:
        safetensors.numpy.save_file({"w": features}, f"{place}/model.safetensors")
        store.upload("safetensors", model=f"{place}/model.safetensors")
        joblib.dump(linear, f"{place}/model.joblib")
        uploaded = store.upload("joblib", model=f"{place}/model.joblib")["model"]["model_id"]
        os.mkdir(f"{place}/down")
        store.download(f"{place}/down", "joblib", uploaded)
        tell("joblib: it is downloaded", any("model.joblib" in names for _, _, names in os.walk(f"{place}/down")))
    loaded = safetensors.numpy.load_file(by_path(root, "safetensors", ".safetensors"))
    tell("safetensors: mapped by path", (loaded["w"] == features).all())
    loaded = joblib.load(by_path(root, "joblib", ".joblib"), mmap_mode="r")
    tell("joblib: mapped by path", (loaded.predict(features) == linear.predict(features)).all())


main(sys.argv[1])
