"""An S3 server on loopback: its processes, below one scratch directory, and how clients reach it."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import signed  # noqa: E402
from mounted import skip, wait_for  # noqa: E402

ACCESS_KEY, SECRET_KEY = "MODELFSTESTACCESSKEY", "modelfs/test+secret/key"
REGION = "us-east-1"
BUCKET = "modelfs-test"
END_LIMIT_S = 10
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Absent(Exception):
    """This server cannot be had here; says why."""


def free_ports(count):
    """Ports of 127.0.0.1 that nobody has: below 50000, since some servers add 10000 to theirs, and outside the range from which the
    kernel gives ports to clients, where it can be."""
    found, port = [], 20000 + os.getpid() % 10000
    while len(found) < count:
        port += 1
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                continue
    return found


def _die_with_parent():
    # A test that is killed leaves no server behind.
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


class Server:
    """A context manager. `what` is shown to people; start() is each server's own."""

    def __init__(self, what):
        self.what = what
        self.scratch = tempfile.mkdtemp(prefix=f"modelfs-{what}.")
        self.processes, self.commands = {}, {}
        self.endpoint, self.ca = "", None
        self.region, self.keys, self.bucket = REGION, (ACCESS_KEY, SECRET_KEY), BUCKET
        self.started_in_s = 0.0
        self.nothing = self.path("nothing")
        with open(self.nothing, "wb"):
            pass

    def path(self, *names):
        return os.path.join(self.scratch, *names)

    def base_environment(self):
        """For the server's processes: nothing of the caller's home."""
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin", "HOME": self.scratch, "TMPDIR": self.scratch,
                "LC_ALL": "C.UTF-8"}

    def spawn(self, name, command, environment=None):
        self.commands[name] = (command, environment)
        with open(self.path(name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen(command, cwd=self.scratch, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                    env={**self.base_environment(), **(environment or {})}, preexec_fn=_die_with_parent)
        return self.processes[name]

    def again(self, name):
        """Starts a process that was killed with the command that it had."""
        return self.spawn(name, *self.commands[name])

    def kill(self, name, number=signal.SIGKILL):
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait()

    def said(self, name):
        with open(self.path(name + ".log"), "rb") as log:
            return log.read()[-2000:].decode(errors="replace")

    def still_runs(self):
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{self.what}: {name} ended with {process.returncode}: {self.said(name)}")

    def ask(self, *arguments, **options):
        connection = signed.Connection(self.endpoint, self.keys, self.region, self.ca)
        try:
            return connection.ask(*arguments, **options)
        finally:
            connection.close()

    def answers(self):
        """Whether it answers a request for its buckets as it should."""
        self.still_runs()
        try:
            return self.ask("GET", "/")[0] == 200
        except OSError:
            return False

    def make_bucket(self):
        """Waits for it, too: some servers answer before they can store."""
        def made():
            self.still_runs()
            try:
                return self.ask("PUT", "/" + self.bucket)[0] in (200, 204, 409)
            except OSError:
                return False
        wait_for(made, f"{self.what}: a bucket", limit_s=60, pause_s=0.1)

    def environment(self, prefix="tests"):
        """What a client needs to find it, and nothing else of the caller's that would lead elsewhere."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        reached = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": self.keys[0], "AWS_SECRET_ACCESS_KEY": self.keys[1],
                   "AWS_REGION": self.region, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": self.nothing,
                   "AWS_SHARED_CREDENTIALS_FILE": self.nothing, "MODELFS_TEST_S3": f"s3://{self.bucket}/{prefix}"}
        if self.ca:
            reached["AWS_CA_BUNDLE"] = self.ca
        return {**kept, **reached}

    def start(self):
        raise NotImplementedError

    def __enter__(self):
        begin = time.monotonic()
        try:
            self.start()
            wait_for(self.answers, f"{self.what}: its first answer", limit_s=120, pause_s=0.05)
            self.make_bucket()
        except (Absent, subprocess.CalledProcessError, FileNotFoundError) as error:
            self.stop()
            skip(f"{self.what} cannot be had here: {error} {(getattr(error, 'stderr', None) or b'')[-300:]!r}")
        except BaseException:
            for name in self.commands:
                print(f"--- {name}: {self.said(name)}", file=sys.stderr)
            self.stop()
            raise
        self.started_in_s = time.monotonic() - begin
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for process in reversed(self.processes.values()):
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + END_LIMIT_S
        for process in self.processes.values():
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        shutil.rmtree(self.scratch, ignore_errors=True)
