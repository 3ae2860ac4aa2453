#!/usr/bin/env python3
"""The real MLflow: its file store on a mount, alone and behind its server with ForML's registry in it; what it made is taken
over by `modelfs import`, and read by its path.

It is installed by pip into a virtual environment (--venv, kept for the next run); without PyPI this is skipped.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402
from exporting import expect  # noqa: E402
from installed import Client, python_with  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """MLflow's server on the loopback, with everything it keeps below `root`."""

    def __init__(self, run, python, root):
        self.address = f"http://127.0.0.1:{free_port()}"
        self.log_path = run.path("server.log")
        command = [python, "-m", "mlflow", "server", "--backend-store-uri", f"file:{root}/runs", "--serve-artifacts", "--artifacts-destination",
                   f"{root}/artifacts", "--host", "127.0.0.1", "--port", self.address.rsplit(":", 1)[1], "--workers", "1"]
        home = {"HOME": run.path("home"), "PYTHONDONTWRITEBYTECODE": "1"}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=run.path("home"),
                                            env={**os.environ, **home}, start_new_session=True)

    def answers(self):
        if self.process.poll() is not None:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                raise mounted.Violation(f"MLflow's server ended: {log.read()[-2000:]}")
        try:
            with urllib.request.urlopen(self.address + "/health", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def end(self):
        # It is the leader of a session of its own: all of it are its children.
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def check_forml(run, daemon, python):
    os.mkdir(f"{daemon.mount_point}/server")
    server = Server(run, python, f"{daemon.mount_point}/server")
    try:
        mounted.wait_for(server.answers, "MLflow's server answers", limit_s=120, pause_s=0.1)
        client = Client(run, python, "mlflow_life.py", daemon.mount_point)
        client.do("forml", server.address)
    finally:
        server.end()
    return client.operations


def check_import(run, daemon, python, client):
    """The drafts that MLflow wrote on the mount, taken over into releases of the same mount."""
    def imported():
        done = daemon.command("import", client.root, daemon.mount_point, "--json")
        if done.returncode != 0:
            run.violation(f"modelfs import: exit code {done.returncode}: {done.stderr}")
            return {}
        return json.loads(done.stdout)

    report = imported()
    expect(run, "taken over", (report.get("published"), report.get("labels"), report.get("left")), (3, 1, []))
    report = imported()
    expect(run, "taken over again", (report.get("published"), report.get("already_published"), report.get("labels")), (0, 3, 0))
    for path, factor in (("churn/champion", 2), ("churn/latest", 3), ("fraud/1", 5)):
        client.do("served", f"{daemon.mount_point}/{path}", factor)
    document = json.loads(mounted.content_of(f"{daemon.mount_point}/churn/1.json"))["mlflow"]
    expect(run, "what its document says", (document["name"], document["version"], document["aliases"], document["tags"]),
           ("churn", "1", ["champion"], {"who": "ann"}))


def body(run, options):
    python = python_with(options.venv, "mlflow")
    daemon = run.daemon("store")
    daemon.start()
    os.mkdir(f"{daemon.mount_point}/tracking")
    client = Client(run, python, "mlflow_life.py", f"{daemon.mount_point}/tracking")
    client.do("life")
    daemon.stop()
    daemon.start()
    client.do("reread")
    check_import(run, daemon, python, client)
    operations = client.operations + check_forml(run, daemon, python)
    daemon.stop()
    problems = daemon.json("verify")
    if problems.get("problems"):
        run.violation(f"verify: {problems['problems']}")
    print(f"MLflow 3.4.0 and ForML 0.93: {operations} operations")


mounted.program(__doc__, lambda parser: parser.add_argument("--venv", default=os.path.join(HERE, "../../build/mlflow-venv")), body)
