"""What a user of MLflow does, by its own library. Run by mlflow_client.py: mlflow_life.py ROOT STEP [ARGUMENT]."""

import json
import logging
import os
import sys
import tempfile
import warnings
import zipfile

import mlflow

MODELS = {"churn": (2, 3), "fraud": (5,)}


def say(operation, value=True):
    print(json.dumps([operation, value]), flush=True)


def expect(operation, condition):
    say(operation, bool(condition))


class Times(mlflow.pyfunc.PythonModel):
    def __init__(self, factor):
        self.factor = factor

    def predict(self, context, model_input, params=None):
        return [self.factor * each for each in model_input]


def life():
    """Two models, one of two versions; an alias, a tag, runs that are searched, deleted and brought back."""
    mlflow.set_experiment("first")
    for name, factors in MODELS.items():
        for factor in factors:
            with mlflow.start_run():
                mlflow.log_param("factor", factor)
                for step in range(20):
                    mlflow.log_metric("auc", factor / 10 + step, step=step)
                info = mlflow.pyfunc.log_model(name="model", python_model=Times(factor), registered_model_name=name)
            expect(f"version {info.registered_model_version} of {name} is loaded",
                   mlflow.pyfunc.load_model(info.model_uri).predict([1, 2]) == [factor, 2 * factor])
    client = mlflow.MlflowClient()
    client.set_registered_model_alias("churn", "champion", "2")
    client.set_registered_model_alias("churn", "champion", "1")
    client.set_model_version_tag("churn", "1", "who", "ann")
    client.update_registered_model("churn", description="who leaves,\nand when")
    reread()
    run = mlflow.search_runs(experiment_names=["first"]).iloc[0]
    client.delete_run(run.run_id)
    expect("a deleted run is not found", len(mlflow.search_runs(experiment_names=["first"])) == 2)
    client.restore_run(run.run_id)
    client.log_text(run.run_id, "again\n", "notes/a.txt")
    expect("a run that came back takes more", mlflow.artifacts.load_text(f"runs:/{run.run_id}/notes/a.txt") == "again\n")
    client.delete_experiment(client.create_experiment("second"))
    expect("a deleted experiment is not found", [each.name for each in client.search_experiments()].count("second") == 0)


def reread():
    """What life() left."""
    expect("an alias is loaded", mlflow.pyfunc.load_model("models:/churn@champion").predict([7]) == [14])
    expect("the latest is loaded", mlflow.pyfunc.load_model("models:/churn/latest").predict([7]) == [21])
    runs = mlflow.search_runs(experiment_names=["first"])
    expect("all runs are found", sorted(runs["params.factor"]) == ["2", "3", "5"])
    expect("their metrics are the last ones", sorted(runs["metrics.auc"].round(6)) == [19.2, 19.3, 19.5])
    expect("a search finds one", len(mlflow.search_runs(experiment_names=["first"], filter_string="metrics.auc > 19.4")) == 1)
    client = mlflow.MlflowClient()
    steps = [each.step for each in client.get_metric_history(runs.iloc[0].run_id, "auc")]
    expect("a metric has its history", sorted(set(steps)) == list(range(20)))
    expect("models are listed", sorted(each.name for each in client.search_registered_models()) == sorted(MODELS))
    version = client.get_model_version_by_alias("churn", "champion")
    expect("a version has its tag", version.tags == {"who": "ann"})
    expect("a model has its description", client.get_registered_model("churn").description == "who leaves,\nand when")


def served(place, factor):
    """A model that modelfs serves by its path."""
    expect(f"{place} is loaded by its path", mlflow.pyfunc.load_model(place).predict([7]) == [7 * float(factor)])


def forml_life(server):
    """ForML's registry on a server of MLflow, twice: made, and read by a client that knows nothing yet. Why a server: ForML
    names an experiment by a string of its own type, which MLflow can send and cannot write to a file store itself."""
    from forml import project as prj
    from forml.io import asset
    from forml.provider.registry import mlflow as provider

    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "hello-0.1.4ml")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("__4ml__.py", 'NAME = "hello"\nVERSION = "0.1"\nPACKAGE = "hello"\nMODULES = {}')
            out.writestr("hello/__init__.py", "")
        release = asset.Directory(provider.Registry(server)).get("hello").put(prj.Package(path))
        states = [release.dump(b"one"), release.dump(b"two" * 100_000)]
        generation = release.put(asset.Tag().training.trigger().replace(states=states))
        expect("a generation is made", generation.key == 1)
        again = asset.Directory(provider.Registry(server))
        expect("its project is listed", "hello" in [str(key) for key in again.list()])
        release = again.get("hello").get("0.1")
        expect("its generation is listed", list(release.list()) == [1])
        expect("its states are read", [release.get(1).get(i) for i in range(2)] == [b"one", b"two" * 100_000])
        expect("its package is read", str(release.artifact.path) != "")


def main():
    root, step, *arguments = sys.argv[1:]
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    mlflow.set_tracking_uri(arguments[0] if step == "forml" else "file:" + root)
    {"life": life, "reread": reread, "served": served, "forml": forml_life}[step](*arguments)


main()
