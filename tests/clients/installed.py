"""Real clients, installed by pip into a virtual environment that is kept, and what they say when they are run."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
INSTALL_LIMIT_S = 300
STEP_LIMIT_S = 240


def python_with(venv, name, folder=HERE):
    """The interpreter of a virtual environment with what requirements-<name>.txt in `folder` asks for; skips without PyPI."""
    requirements = os.path.join(folder, f"requirements-{name}.txt")
    python, done = os.path.join(venv, "bin", "python"), os.path.join(venv, "installed")
    with open(requirements, encoding="utf-8") as file:
        wanted = file.read()
    if os.path.exists(done):
        with open(done, encoding="utf-8") as file:
            if file.read() == wanted:
                return python
    try:
        for command in ([sys.executable, "-m", "venv", venv],
                        # Where it cannot be reached that is to be known soon.
                        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1", "--timeout", "15",
                         "-r", requirements]):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=INSTALL_LIMIT_S)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or b""
        mounted.skip(f"{name} cannot be installed by pip: {error} {said.decode(errors='replace')[-300:]}")
    with open(done, "w", encoding="utf-8") as file:
        file.write(wanted)
    return python


class Client:
    """Runs `script ROOT STEP ARGUMENT...`, which prints a line [operation, value] for each thing that it tried."""

    def __init__(self, run, python, script, root):
        self.run, self.python, self.script, self.root = run, python, script, root
        self.operations = 0

    def start(self, step, *arguments):
        home = self.run.path("home")
        os.makedirs(home, exist_ok=True)
        environment = {**os.environ, "HOME": home, "FORML_HOME": home + "/.forml", "TMPDIR": home, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen([self.python, os.path.join(HERE, self.script), self.root, step, *map(str, arguments)],
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
        results = [json.loads(line) for line in out.splitlines() if line.startswith("[")]
        for operation, value in results:
            self.operations += 1
            if value is False:
                self.run.violation(f"{what}: {operation}: it is not so")
        return dict(results)

    def do(self, step, *arguments):
        return self.finish(self.start(step, *arguments), step)
