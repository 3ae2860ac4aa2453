#!/usr/bin/env python3
"""The real ForML on a real mount: a life of its registry by its own library, then trainers at once with readers that poll.

It is installed by pip into a virtual environment (--venv, kept for the next run); without PyPI this is skipped.
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
INSTALL_LIMIT_S = 300
STEP_LIMIT_S = 240


def python_with(venv, requirements):
    """The interpreter of a virtual environment in which `requirements` are installed."""
    python, done = os.path.join(venv, "bin", "python"), os.path.join(venv, "installed")
    with open(requirements, encoding="utf-8") as file:
        wanted = file.read()
    if os.path.exists(done):
        with open(done, encoding="utf-8") as file:
            if file.read() == wanted:
                return python
    try:
        for command in ([sys.executable, "-m", "venv", venv],
                        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements]):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=INSTALL_LIMIT_S)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or b""
        mounted.skip(f"ForML cannot be installed by pip: {error} {said.decode(errors='replace')[-300:]}")
    with open(done, "w", encoding="utf-8") as file:
        file.write(wanted)
    return python


class Client:
    def __init__(self, run, python, root):
        self.run, self.python, self.root = run, python, root
        self.operations = 0

    def start(self, step, *arguments):
        home = self.run.path("home")
        os.makedirs(home, exist_ok=True)
        environment = {**os.environ, "HOME": home, "FORML_HOME": home + "/.forml", "TMPDIR": home, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen([self.python, os.path.join(HERE, "forml_life.py"), self.root, step, *map(str, arguments)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=home)

    def finish(self, process, what):
        try:
            out, said = process.communicate(timeout=STEP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, said = process.communicate()
            self.run.violation(f"{what}: not within {STEP_LIMIT_S} s")
        if process.returncode != 0:
            self.run.violation(f"{what}: exit code {process.returncode}: {said[-2000:]}")
        results = [json.loads(line) for line in out.splitlines()]
        for operation, value in results:
            self.operations += 1
            if value is False:
                self.run.violation(f"{what}: {operation}: it is not so")
        return dict(results)


def body(run, options):
    python = python_with(options.venv, os.path.join(HERE, "requirements-forml.txt"))
    daemon = run.daemon("store")
    daemon.start()
    client = Client(run, python, daemon.mount_point)
    client.finish(client.start("life"), "life")
    client.finish(client.start("prepare"), "prepare")
    trainers, generations, pollers = options.trainers, options.generations, options.pollers
    total = trainers * generations
    polling = [client.start("poll", total) for _ in range(pollers)]
    training = [client.start("train", generations) for _ in range(trainers)]
    made = [client.finish(process, "a trainer").get("trained", [0, 0]) for process in training]
    if sum(each[0] for each in made) < total:
        for process in polling:
            process.terminate()
    reads = [client.finish(process, "a reader").get("polled", 0) for process in polling]
    numbers = sorted(int(name) for name in os.listdir(f"{daemon.mount_point}/busy/1.0") if name.isdigit())
    if numbers != list(range(1, total + 1)):
        run.violation(f"{total} generations were made, and there are {numbers}")
    left = os.listdir(f"{daemon.mount_point}/busy/1.0/.stage")
    if left:
        run.violation(f"states are left over: {left}")
    daemon.stop()
    daemon.start()
    client.finish(client.start("poll", total), "a reader after a restart")
    daemon.stop()
    problems = daemon.json("verify")
    if problems.get("problems"):
        run.violation(f"verify: {problems['problems']}")
    print(f"ForML 0.93: {client.operations} operations; {total} generations by {trainers} trainers, "
          f"{sum(each[1] for each in made)} times too late, {sum(reads)} whole reads by {pollers} readers meanwhile")


def add_options(parser):
    parser.add_argument("--venv", default=os.environ.get("MODELFS_FORML_VENV", os.path.join(HERE, "../../build/forml-venv")))
    parser.add_argument("--trainers", type=int, default=3)
    parser.add_argument("--generations", type=int, default=10, help="of each trainer")
    parser.add_argument("--pollers", type=int, default=2)


mounted.program(__doc__, add_options, body)
