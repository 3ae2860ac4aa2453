#!/usr/bin/env python3
"""Upgrades a store of version 1, which the modelfs of commit fea10ec has made (make_store.py): whoever opens it to write upgrades it, and
everything is shown as it was before, down to the inode numbers. The upgrade is killed at the entry of each of its disk-changing calls.
"""

import errno
import filecmp
import json
import os
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))
import kill  # noqa: E402
import mounted  # noqa: E402
import shown  # noqa: E402

PLACED = "operatorai-model-store/fraud/2026.11.21-21.22.47"
STATES = "operatorai-model-store/fraud/versions"
COMMAND_LIMIT_S = 60


def expected():
    with open(f"{HERE}/version_1.json", encoding="utf-8") as file:
        return json.load(file)


def fresh_store(run, name):
    """A daemon for a store of version 1 that nobody has opened since it was made."""
    daemon = run.daemon(name)
    shutil.rmtree(daemon.store, ignore_errors=True)
    # Why not tarfile: it rounds times.
    subprocess.run(["tar", "-C", os.path.dirname(daemon.store), "--no-same-owner", "-xJf", f"{HERE}/version_1.tar.xz"], check=True)
    os.rename(f"{os.path.dirname(daemon.store)}/store", daemon.store)
    return daemon


def version_of(store):
    with open(f"{store}/FORMAT", encoding="ascii") as file:
        lines = file.read().splitlines()
    return lines[1].removeprefix("version ") + "".join(f", {line}" for line in lines[3:])


def require(condition, what):
    if not condition:
        raise mounted.Violation(what)


def check_shown(daemon):
    """It runs, and shows what was shown before."""
    now = shown.shown(daemon.mount_point)
    require(now == expected(), f"shown otherwise than before the upgrade: {shown.different(expected(), now)}")
    require(version_of(daemon.store) == "2", f"FORMAT says {version_of(daemon.store)}")


def refusal(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    return 0


def a_mount(run):
    """All is there, all goes on: also what was in the trash comes back to its place in its client's layout."""
    daemon = fresh_store(run, "mounted")
    require(version_of(daemon.store) == "1", "the store is not of version 1")
    daemon.start()
    check_shown(daemon)
    root = daemon.mount_point
    require(refusal(os.rmdir, f"{root}/{PLACED}/m1") == errno.ENOTEMPTY, "a directory with an archive can be removed")
    require(refusal(os.rename, f"{root}/{PLACED}/m1", f"{root}/{PLACED}/n1") == errno.EPERM, "a directory with an archive can be renamed")
    os.rename(f"{root}/.modelfs/trash/fraud/m4", f"{root}/fraud/m4")
    require(os.listdir(f"{root}/{PLACED}/m4") == ["artifacts.tar.gz"], "the archive of what is restored is not back")
    require("m4.json" in os.listdir(f"{root}/{STATES}/production"), "the state of what is restored is not back")
    os.unlink(f"{root}/{STATES}/staging/m2.json")
    require(os.listdir(f"{root}/{STATES}/staging") == ["m5.json"], "a state cannot be cleared")
    after = shown.shown(root)
    daemon.stop()
    daemon.start()
    require(shown.shown(root) == after, f"shown otherwise after a restart: {shown.different(after, shown.shown(root))}")
    report = daemon.json("verify")
    require(report["problem_count"] == 0, f"verify: {report['problems']}")
    daemon.stop()


def a_command(run):
    """Without a daemon, the first command upgrades; doctor only says that it will."""
    daemon = fresh_store(run, "command")
    said = daemon.command("doctor", daemon.store)
    require("upgrades it to version 2" in said.stdout, f"doctor: {said.stdout}")
    require(version_of(daemon.store) == "1", "doctor has upgraded the store")
    done = daemon.command("log", "churn", "--store", daemon.store)
    require(done.returncode == 0, f"log: {done.stderr}")
    require(version_of(daemon.store) == "2", "a command has not upgraded the store")
    said = daemon.command("doctor", daemon.store)
    require("upgrades it" not in said.stdout, f"doctor: {said.stdout}")
    daemon.start()
    check_shown(daemon)
    daemon.stop()


def for_reading_only(run):
    """A mount that may write nothing does not upgrade, and says what to do."""
    daemon = fresh_store(run, "read_only")
    daemon.options = "ro"
    try:
        daemon.start()
    except mounted.Violation as refused:
        require("mount it once without -o ro" in str(refused), f"the refusal says: {refused}")
    else:
        raise mounted.Violation("a store of version 1 was mounted read-only")
    require(version_of(daemon.store) == "1", "a read-only mount has upgraded the store")
    require(daemon.command("log", "churn", "--store", daemon.store).returncode == 0, "what it says does not help")
    daemon.start()
    check_shown(daemon)
    daemon.stop()


def what_cannot_be_upgraded(run):
    """A newer store, and one whose FORMAT is damaged, stay as they are."""
    for text, said in (("modelfs store\nversion 3\nid x\n", "version 3"), ("modelfs store\nversion 2\nid x\nneeds more\n", "'needs'"),
                       ("modelfs store\nversion 2\nid x\nupgrading from 2\n", "damaged")):
        daemon = fresh_store(run, "refused")
        with open(f"{daemon.store}/FORMAT", "w", encoding="ascii") as file:
            file.write(text)
        before = f"{daemon.store}.before"
        shutil.rmtree(before, ignore_errors=True)
        shutil.copytree(daemon.store, before, symlinks=True)
        done = daemon.command("log", "churn", "--store", daemon.store)
        require(done.returncode != 0 and said in done.stderr, f"{text!r}: exit code {done.returncode}, {done.stderr}")
        require(not unequal(before, daemon.store), f"{text!r}: {unequal(before, daemon.store)} changed")


def unequal(one, other):
    compared = filecmp.dircmp(one, other)
    found = compared.left_only + compared.right_only + compared.diff_files
    for name in compared.common_dirs:
        found += [f"{name}/{each}" for each in unequal(f"{one}/{name}", f"{other}/{name}")]
    return found


# Killed.


def traced(daemon, log, *options):
    """Runs a command on the store under strace, which follows its main thread: that is the one that upgrades."""
    return subprocess.run(["strace", "-y", "-s", "0", "-o", log, "-e", f"trace={kill.CALLS}", *options, daemon.binary, "log", "churn",
                           "--store", daemon.store], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_LIMIT_S)


def points(run):
    """(call name, how many of that name the main thread made before) of each disk-changing call, and where the upgrade began."""
    daemon = fresh_store(run, "listed")
    log = run.path("calls")
    done = traced(daemon, log)
    if "ptrace" in done.stderr or "Operation not permitted" in done.stderr:
        mounted.skip(f"strace may not trace here: {done.stderr.strip()}")
    require(done.returncode == 0, f"log under strace: {done.stderr}")
    with open(log, encoding="utf-8", errors="replace") as lines:
        calls = kill.Call.parse(lines)
    numbers, found, ends = {}, [], 0
    for call in calls:
        numbers[call.name] = numbers.get(call.name, 0) + 1
        if call.changes(daemon.store) and ") = -1 E" not in call.arguments:
            found.append((call.name, numbers[call.name], call.place(daemon.store)))
            if call.name.startswith("rename") and "FORMAT" in call.arguments:
                ends = len(found)
    require(sum(name.startswith("rename") and "FORMAT" in place or place == "FORMAT.tmp" for name, _, place in found) > 0 or ends > 0,
            f"FORMAT was not replaced: {found}")
    return found[:ends + 3]  # the sync of its directory, and what comes next


def kill_at(run, name, number):
    daemon = fresh_store(run, "killed")
    done = traced(daemon, run.path("killed.strace"), "-e", f"inject={name}:signal=KILL:when={number}")
    require(done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), f"the command was not killed: {done.returncode} {done.stderr}")
    left = version_of(daemon.store)
    require(left in ("1", "2", "2, upgrading from 1"), f"FORMAT says {left}")
    daemon.start()
    check_shown(daemon)
    report = daemon.json("verify")
    require(report["problem_count"] == 0, f"verify: {report['problems']}")
    daemon.stop()
    return left


def killed(run, options):
    if shutil.which("strace") is None:
        mounted.skip("no strace")
    found = points(run)
    left = {}
    rows = []
    for name, number, place in found[::options.every]:
        try:
            state = kill_at(run, name, number)
            left[state] = left.get(state, 0) + 1
            rows.append([f"  {name} {place}", state])
        except (mounted.Violation, TimeoutError, OSError, subprocess.TimeoutExpired) as violation:
            run.violation(f"killed at {name} number {number}, {place}: {violation}")
            run.daemons[-1].kill()
            if len(run.violations) > 5:
                break
    if options.every == 1 and set(left) != {"1", "2", "2, upgrading from 1"}:
        run.violation(f"the upgrade was not met in each of its states: {left}")
    return [["killed at disk-changing calls", sum(left.values())], *([f"  left version {state}", count] for state, count in sorted(left.items())),
            *rows]


def add_options(parser):
    parser.add_argument("--every", type=int, default=1, help="each n-th point only")
    parser.add_argument("--only", choices=["upgrade", "kill"])


def body(run, options):
    if options.only != "kill":
        for step in (a_mount, a_command, for_reading_only, what_cannot_be_upgraded):
            try:
                step(run)
            except (mounted.Violation, TimeoutError, OSError) as violation:
                run.violation(f"{step.__name__}: {violation}")
    if options.only != "upgrade":
        mounted.table(killed(run, options))


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
