"""Ceph's S3 gateway on one machine: a monitor, one disk and the gateway, all of Debian's packages, without replication.

scripts/install-packages.sh remote installs them. Each process may be killed and started again: server.kill("osd"), server.again("osd")."""

import os
import shutil
import signal
import subprocess
import time
import uuid

import certificates
from server import Absent, Server, free_ports

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "ceph", "rados", "radosgw-admin", "ceph-authtool", "monmaptool")
COMMAND_LIMIT_S = 60

CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{monitor_port}/0
ms bind msgr1 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {scratch}/keyring
run dir = {scratch}
log file = {scratch}/$name.ceph.log
crash dir = {scratch}
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
# A disk that is nearly full is the developer's own.
mon data avail warn = 2
mon data avail crit = 1
# Soon noticed, soon back.
osd heartbeat grace = 5
osd heartbeat interval = 1
osd pool default read lease ratio = 0.2

[mon]
mon data = {scratch}/mon
admin socket = {scratch}/$name.asok

[osd]
osd data = {scratch}/osd
osd objectstore = bluestore
# A sparse file.
bluestore block size = 4294967296
osd memory target = 1073741824
admin socket = {scratch}/$name.asok

[client.rgw]
rgw data = {scratch}/rgw
admin socket = {scratch}/$name.asok
rgw enable ops log = false
rgw enable usage log = false
"""

CAPABILITIES = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *", "mgr": "allow profile osd"},
    "client.rgw": {"mon": "allow rw", "osd": "allow rwx"},
}


class Radosgw(Server):
    def __init__(self, is_tls=False):
        super().__init__("radosgw-tls" if is_tls else "radosgw")
        self.is_tls = is_tls

    def base_environment(self):
        return {**super().base_environment(), "CEPH_CONF": self.path("ceph.conf")}

    def run(self, *command, limit_s=COMMAND_LIMIT_S):
        return subprocess.run(command, cwd=self.scratch, env=self.base_environment(), check=True, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=limit_s).stdout

    def start(self):
        for program in PROGRAMS:
            if shutil.which(program, path=self.base_environment()["PATH"]) is None:
                raise Absent(f"no {program}: scripts/install-packages.sh remote")
        self.start_monitor()
        self.start_disk()
        self.start_gateway()

    def start_monitor(self):
        fsid = str(uuid.uuid4())
        (port,) = free_ports(1)
        with open(self.path("ceph.conf"), "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(fsid=fsid, monitor_port=port, scratch=self.scratch))
        for at, (name, allowed) in enumerate(CAPABILITIES.items()):
            caps = [word for service, cap in allowed.items() for word in ("--cap", service, cap)]
            self.run("ceph-authtool", *(["--create-keyring"] if at == 0 else []), "keyring", "--gen-key", "-n", name, *caps)
        for name in ("mon", "osd", "rgw"):
            os.mkdir(self.path(name))
        self.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{port}]", "monmap")
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
        self.spawn("mon", ["ceph-mon", "-i", "a", "-f"])

    def start_disk(self):
        identity = str(uuid.uuid4())
        self.run("ceph", "--connect-timeout", "30", "osd", "new", identity)
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        self.spawn("osd", ["ceph-osd", "-i", "0", "-f"])
        self.run("ceph", "osd", "pool", "create", "health", "8")
        self.wait_until_it_stores()

    def wait_until_it_stores(self, limit_s=60):
        """Why by an object: what the monitor says of a disk is old for a while after that was killed."""
        deadline = time.monotonic() + limit_s
        while True:
            self.still_runs()
            try:
                self.run("rados", "-p", "health", "put", "health", self.path("ceph.conf"), limit_s=10)
                return
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                if time.monotonic() > deadline:
                    raise

    def start_gateway(self):
        # Without tcp_nodelay the answer to a small GET takes 45 ms.
        (port,) = free_ports(1)
        listen = f"endpoint=127.0.0.1:{port}"
        if self.is_tls:
            certificates.make(self.path("tls"))
            self.ca = self.path("tls", "ca.pem")
            listen = (f"ssl_endpoint=127.0.0.1:{port} ssl_certificate={self.path('tls', 'server.pem')} "
                      f"ssl_private_key={self.path('tls', 'server.key')}")
        self.endpoint = f"{'https' if self.is_tls else 'http'}://127.0.0.1:{port}"
        self.spawn("rgw", ["radosgw", "-n", "client.rgw", "-f", "--rgw-frontends", f"beast {listen} tcp_nodelay=1"])
        self.run("radosgw-admin", "user", "create", "--uid", "modelfs", "--display-name", "modelfs", "--access-key", self.keys[0],
                 "--secret-key", self.keys[1])

    def stop(self):
        # Why killed: nobody needs what they would write.
        for name in list(self.processes):
            self.kill(name, signal.SIGKILL)
        super().stop()
