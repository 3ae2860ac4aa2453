"""Other people's file systems, to be measured beside modelfs."""

import os
import subprocess
import sys
import time

import mounted

RATARMOUNT = "ratarmount==1.3.0"
MOUNT_LIMIT_S = 300
UNMOUNT_LIMIT_S = 5


class Foreign:
    """What is mounted of them. They go into the background by themselves, so they are ended by unmounting."""

    def __init__(self):
        self.points = []

    def mount(self, command, point, shown):
        """Waits until `point`/`shown` is there. How long it took, in seconds."""
        begin = time.monotonic()
        self.points.append(point)  # before: also a program that fails may have mounted
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=MOUNT_LIMIT_S)
        mounted.wait_for(lambda: os.path.exists(f"{point}/{shown}"), f"{command[0]} mounts", MOUNT_LIMIT_S)
        return time.monotonic() - begin

    def unmount(self):
        while self.points:
            point = self.points.pop()
            # Its program lets go of the mount a moment after the last close.
            deadline = time.monotonic() + UNMOUNT_LIMIT_S
            while mounted.is_mounted(point) and time.monotonic() < deadline:
                if subprocess.run(["umount", point], stderr=subprocess.DEVNULL).returncode != 0:
                    subprocess.run(["fusermount3", "-u", point], stderr=subprocess.DEVNULL)
                    time.sleep(0.01)
            mounted.detach(point)


def install_ratarmount(place, skipped):
    """Its program, in a virtual environment at `place`; None, and the reason in `skipped`, where pip cannot."""
    quiet = {"check": True, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        subprocess.run([sys.executable, "-m", "venv", place], **quiet)
        subprocess.run([f"{place}/bin/pip", "install", "-q", "--disable-pip-version-check", RATARMOUNT], timeout=300, **quiet)
        program = f"{place}/bin/ratarmount"
        subprocess.run([program, "--version"], **quiet)
        return program
    except (OSError, subprocess.SubprocessError) as error:
        skipped.append(f"{RATARMOUNT}: it cannot be installed by pip: {error}")
        return None
