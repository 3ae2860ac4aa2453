#!/usr/bin/env python3
"""Starts an S3 server on loopback, runs a command that finds it in its environment, and stops the server:

    servers.py ministack|ministack-tls|seaweedfs|radosgw|radosgw-tls|rclone [--venvs DIR] [--faults OPTIONS] -- COMMAND...

The command's variables are those of the AWS CLI (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …, AWS_CA_BUNDLE), and MODELFS_TEST_S3, the place
in a bucket that it may use. With --faults the server is behind fault_proxy.py. Exit code 77: this server cannot be had here; else that of
the command. Servers from PyPI are installed below DIR, and kept there."""

import argparse
import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "clients"))
import certificates  # noqa: E402
import fault_proxy  # noqa: E402
import installed  # noqa: E402
from radosgw import Radosgw  # noqa: E402
from server import Server, free_ports  # noqa: E402


class FromPyPI(Server):
    def __init__(self, what, venvs):
        super().__init__(what)
        self.programs = os.path.dirname(installed.python_with(os.path.abspath(os.path.join(venvs, f"{what}-venv")), what, HERE))

    def program(self, name):
        return os.path.join(self.programs, name)


class Ministack(FromPyPI):
    """Checks no signatures; quick."""

    def __init__(self, venvs):
        super().__init__("ministack", venvs)

    def start(self):
        (port,) = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{port}"
        self.spawn("ministack", [self.program("ministack")], {
            "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "SERVICES": "s3,sts,iam",
            "LOG_LEVEL": "WARNING", "SFTP_ENABLED": "0", "DOCKER_HOST": "unix:///nonexistent", "S3_DATA_DIR": self.path("objects")})


class Seaweedfs(FromPyPI):
    """Checks signatures. Conditional puts of one name at the same time take it long."""

    def __init__(self, venvs):
        super().__init__("seaweedfs", venvs)

    def start(self):
        master, volume, filer, port, *grpc = free_ports(8)
        self.endpoint = f"http://127.0.0.1:{port}"
        os.mkdir(self.path("data"))
        with open(self.path("s3.json"), "w", encoding="ascii") as file:
            json.dump({"identities": [{"name": "modelfs", "credentials": [{"accessKey": self.keys[0], "secretKey": self.keys[1]}],
                                       "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}, file)
        self.spawn("weed", [
            self.program("weed"), "server", "-dir=" + self.path("data"), "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false",
            f"-master.port={master}", f"-master.port.grpc={grpc[0]}", f"-volume.port={volume}", f"-volume.port.grpc={grpc[1]}",
            f"-filer.port={filer}", f"-filer.port.grpc={grpc[2]}", "-s3", f"-s3.port={port}", f"-s3.port.grpc={grpc[3]}",
            "-s3.config=" + self.path("s3.json"), "-volume.max=20", "-master.volumeSizeLimitMB=256", "-volume.preStopSeconds=0"])


class Rclone(FromPyPI):
    """Ignores If-None-Match: what a mount must refuse."""

    def __init__(self, venvs):
        super().__init__("rclone", venvs)

    def start(self):
        (port,) = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{port}"
        os.mkdir(self.path("data"))
        self.spawn("rclone", [self.program("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", ",".join(self.keys),
                              "--config", "/dev/null", self.path("data")])


class BehindProxy(Server):
    """Another server with fault_proxy.py in front of it, over TLS where `is_tls`. Its control address is in MODELFS_TEST_PROXY."""

    def __init__(self, inner, faults=(), is_tls=False):
        super().__init__(inner.what + "-behind-proxy")
        self.inner, self.faults, self.is_tls = inner, list(faults), is_tls
        self.control = ""

    def start(self):
        self.inner.__enter__()
        port, control = free_ports(2)
        options = ["--listen", str(port), "--control", str(control), "--to", self.inner.endpoint]
        if self.inner.ca:
            options += ["--to-ca", self.inner.ca]
        if self.is_tls:
            self.ca = os.path.join(certificates.make(self.path("tls")), "ca.pem")
            options += ["--certificate", self.path("tls", "both.pem")]
        self.keys, self.region, self.bucket = self.inner.keys, self.inner.region, self.inner.bucket
        self.endpoint = f"{'https' if self.is_tls else 'http'}://127.0.0.1:{port}"
        self.control = f"http://127.0.0.1:{control}"
        self.spawn("proxy", [sys.executable, os.path.join(HERE, "fault_proxy.py"), *options])

    def environment(self, prefix="tests"):
        return {**super().environment(prefix), "MODELFS_TEST_PROXY": self.control}

    def set_faults(self, *options):
        """See fault_proxy.py for what they are: "seed=1", "cut_reply=0.1". Returns how many there were."""
        return fault_proxy.ask(self.control, *options)

    def __enter__(self):
        super().__enter__()
        if self.faults:
            self.set_faults(*self.faults)
        return self

    def stop(self):
        super().stop()
        self.inner.stop()


KINDS = ("ministack", "ministack-tls", "seaweedfs", "radosgw", "radosgw-tls", "rclone")


def server_of(kind, venvs, faults=()):
    """A Server, to be entered. Ends the process with exit code 77 where it cannot be had."""
    if kind == "ministack-tls":
        return BehindProxy(Ministack(venvs), faults, is_tls=True)
    plain = {"ministack": Ministack, "seaweedfs": Seaweedfs, "rclone": Rclone, "radosgw": lambda _: Radosgw(),
             "radosgw-tls": lambda _: Radosgw(is_tls=True)}[kind](venvs)
    return BehindProxy(plain, faults, is_tls=kind.endswith("-tls")) if faults else plain


def main():
    ours, command = sys.argv[1:], []
    if "--" in ours:
        ours, command = ours[:ours.index("--")], ours[ours.index("--") + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--venvs", default=os.path.join(HERE, "..", "..", "build"), help="where servers from PyPI are kept")
    parser.add_argument("--faults", default="", help="for fault_proxy.py, comma-separated: cut_reply=0.1,seed=7")
    parser.add_argument("--limit", type=int, default=0, help="seconds after which the command is killed; 0: none")
    options = parser.parse_args(ours)
    if not command:
        parser.error("name a command after --")
    # So that the server is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with server_of(options.kind, options.venvs, [fault for fault in options.faults.split(",") if fault]) as server:
        print(f"{options.kind}: {server.endpoint}, started in {server.started_in_s:.1f} s", flush=True)
        with subprocess.Popen(command, env=server.environment()) as process:
            try:
                code = process.wait(timeout=options.limit or None)
            except BaseException as error:
                process.kill()
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                print(f"the command took longer than {options.limit} s", file=sys.stderr)
                code = 1
        if isinstance(server, BehindProxy):
            print(f"faults: {server.set_faults()}")
    return code


if __name__ == "__main__":
    sys.exit(main())
