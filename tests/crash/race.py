#!/usr/bin/env python3
"""Races against a real mount: publishers of one version, takers of `next`, and `cp -r` + `mv` in a row.

1. Eight processes, two of them through the socket (`modelfs put`, `modelfs commit`), publish the same version at the same
   moment: one wins, the others get EEXIST and keep their drafts, byte for byte.
2. Eight processes take `next` of one release: no number is missing or taken twice, and each process knows its own.
3. A copy followed at once by its rename is never EBUSY: in peace, beside processes that keep the machine busy, and while the
   handling of RELEASE is held back: strace stops every n-th request between the daemon's reading and its handling it, while
   other threads of the daemon go on. RELEASE is the one request that nobody waits for, so the rename overtakes it.
"""

import errno
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import threading
import time
import random

import mounted

context = multiprocessing.get_context("fork")
BARRIER_LIMIT_S = 120
PROCESSES = 8
PUT, COMMIT = 6, 7  # the two that use the socket
DELAY_US = 100_000


def kind_of(number):
    return {PUT: "modelfs put", COMMIT: "modelfs commit"}.get(number, "rename")


def outcome_of_command(done):
    if done.returncode == 0:
        return "already published" if json.loads(done.stdout)["already_published"] else "won"
    if re.search(r"exists", done.stderr):
        return "EEXIST"
    if re.search(r"open for writing|busy|summed", done.stderr, re.IGNORECASE):
        return "EBUSY: " + done.stderr.strip()
    return f"exit code {done.returncode}: {done.stderr.strip()}"


def rename_outcome(source, target):
    try:
        os.rename(source, target)
        return "won"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))


def run_workers(count, work):
    """Runs `work(number, barrier)` in processes; returns their results in order."""
    barrier = context.Barrier(count)

    def child(number, pipe):
        mounted.default_signals()
        try:
            pipe.send((True, work(number, barrier)))
        except BaseException as error:  # the others must not wait for us
            barrier.abort()
            pipe.send((False, f"worker {number}: {type(error).__name__}: {error}"))

    results = []
    pairs = []
    for number in range(count):
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=child, args=(number, theirs), daemon=True)
        worker.start()
        theirs.close()
        pairs.append((worker, ours))
    for worker, pipe in pairs:
        try:
            results.append(pipe.recv())
        except EOFError:
            results.append((False, "a worker died"))
        worker.join(BARRIER_LIMIT_S)
    failed = [text for good, text in results if not good]
    if failed:
        raise mounted.Violation("; ".join(failed))
    return [value for _, value in results]


# 1. The same version.


def package_of(seed, turn, number):
    """What process `number` publishes in turn `turn`. One large file is everybody's, so that its blob is contended too."""
    own = random.Random(f"{seed}/{turn}/{number}")
    shared = random.Random(f"{seed}/{turn}")
    return {"shared.bin": shared.randbytes(100_000), "own.bin": own.randbytes(70_000), "own.txt": own.randbytes(50).hex().encode(),
            "sub/empty": b""}


def publish_same_version(run, daemon, turns):
    domain = os.path.join(daemon.mount_point, "race")
    os.mkdir(domain)
    sources = run.path("sources")
    os.mkdir(sources)
    command_s = context.Value("d", 0.02)  # how long a command takes at present

    def work(number, barrier):
        chance = random.Random(f"{run.seed}/{number}")
        outcomes, broken = [], []
        for turn in range(turns):
            files = package_of(run.seed, turn, number)
            draft = f"{sources}/{turn}-{number}" if number == PUT else f"{domain}/.stage/{turn}-{number}"
            mounted.make_tree(draft, files)
            target = f"{domain}/v{turn}"
            barrier.wait(BARRIER_LIMIT_S)
            if number == PUT:
                outcome = outcome_of_command(daemon.command("put", draft, f"race/v{turn}", "--store", daemon.store, "--json"))
            elif number == COMMIT:
                begin = time.monotonic()
                outcome = outcome_of_command(daemon.command("commit", draft, target, "--json"))
                command_s.value = time.monotonic() - begin
            else:
                # A command takes a while to start: in every second turn the renames meet it rather than each other.
                if turn % 2:
                    time.sleep(chance.uniform(0.3, 1.5) * command_s.value)
                outcome = rename_outcome(draft, target)
            barrier.wait(BARRIER_LIMIT_S)
            if outcome == "won":
                if number != PUT and os.path.exists(draft):
                    broken.append(f"turn {turn}: the winner's draft is still there")
            elif wrong := mounted.difference(draft, files):
                broken.append(f"turn {turn}, {kind_of(number)} ({outcome}): {wrong}")
            outcomes.append(outcome)
            shutil.rmtree(draft, ignore_errors=True)
        return outcomes, broken

    begin = time.monotonic()
    results = run_workers(PROCESSES, work)
    seconds = time.monotonic() - begin
    winners = {"rename": 0, "modelfs put": 0, "modelfs commit": 0}
    exist = busy = broken_count = 0
    for turn in range(turns):
        won = [number for number in range(PROCESSES) if results[number][0][turn] == "won"]
        for number in range(PROCESSES):
            outcome = results[number][0][turn]
            exist += outcome == "EEXIST"
            busy += outcome.startswith("EBUSY")
            if outcome not in ("won", "EEXIST"):
                run.violation(f"turn {turn}: {kind_of(number)}: {outcome}")
        if len(won) != 1:
            run.violation(f"turn {turn}: {len(won)} winners: {[kind_of(number) for number in won]}")
            continue
        winners[kind_of(won[0])] += 1
        if wrong := mounted.difference(f"{domain}/v{turn}", package_of(run.seed, turn, won[0])):
            run.violation(f"turn {turn}: the winner's release: {wrong}")
    for _, broken in results:
        broken_count += len(broken)
        for text in broken:
            run.violation(text)
    return [["same version: turns", turns], ["  winners", sum(winners.values())],
            *([f"    by {kind}", count] for kind, count in winners.items()), ["  EEXIST", exist], ["  EBUSY", busy],
            ["  drafts and sources intact", turns * (PROCESSES - 1) - broken_count], ["  seconds", f"{seconds:.1f}"]]


# 2. `next`.


def take_next(run, daemon, each):
    domain = os.path.join(daemon.mount_point, "generations")
    os.mkdir(domain)
    mounted.make_tree(f"{domain}/.stage/first", {"model": b"the package"})
    os.rename(f"{domain}/.stage/first", f"{domain}/1.0")
    sources = run.path("generations")
    os.mkdir(sources)

    def work(number, barrier):
        numbers = []
        barrier.wait(BARRIER_LIMIT_S)
        for turn in range(each):
            files = {"who": f"{number} {turn}".encode(), "weights": random.Random(f"{number}/{turn}").randbytes(300)}
            if number == PUT:
                source = f"{sources}/{turn}"
                mounted.make_tree(source, files)
                done = daemon.command("put", source, "generations/1.0/next", "--store", daemon.store, "--json")
                if done.returncode != 0:
                    raise mounted.Violation(f"put of a generation: {done.stderr}")
                numbers.append(json.loads(done.stdout)["generation"])
                continue
            draft = f"{domain}/.stage/{number}-{turn}"
            mounted.make_tree(draft, files)
            directory = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
            if number == COMMIT:
                done = daemon.command("commit", draft, f"{domain}/1.0/next", "--json")
                if done.returncode != 0:
                    raise mounted.Violation(f"commit of a generation: {done.stderr}")
            else:
                os.rename(draft, f"{domain}/1.0/next")
            numbers.append(int(os.getxattr(directory, "user.modelfs.name")))
            os.close(directory)
        return numbers

    begin = time.monotonic()
    results = run_workers(PROCESSES, work)
    seconds = time.monotonic() - begin
    taken = sorted(number for numbers in results for number in numbers)
    total = PROCESSES * each
    duplicates = len(taken) - len(set(taken))
    gaps = sorted(set(range(1, total + 1)) - set(taken))
    if taken != list(range(1, total + 1)):
        run.violation(f"generations: {duplicates} duplicates, {len(gaps)} gaps: {gaps[:10]}")
    wrong = 0
    for number, numbers in enumerate(results):
        for turn, generation in enumerate(numbers):
            who = mounted.content_of(f"{domain}/1.0/{generation}/who").decode()
            if who != f"{number} {turn}":
                wrong += 1
                run.violation(f"generation {generation} is '{who}', but process {number} was told it is its own ({turn})")
    listed = sorted(int(name) for name in os.listdir(f"{domain}/1.0") if name.isdigit())
    if listed != list(range(1, total + 1)):
        run.violation(f"{len(listed)} generations are listed instead of {total}")
    if (latest := os.readlink(f"{domain}/1.0/latest")) != str(total):
        run.violation(f"latest is {latest} instead of {total}")
    return [["generations", len(listed)], ["  gaps", len(gaps)], ["  duplicates", duplicates], ["  told a wrong number", wrong],
            ["  seconds", f"{seconds:.1f}"]]


# 3. In a row.


def copy_and_move_in_a_row(run, daemon, name, count, real_every):
    """Python's own calls for most, the real cp and mv for one in `real_every`. Returns the numbers of EBUSY and of others."""
    domain = os.path.join(daemon.mount_point, name)
    os.mkdir(domain)
    source = run.path(name + ".source")
    chance = random.Random(f"{run.seed}/{name}")
    mounted.make_tree(source, {"config.json": b"{}", "weights.bin": chance.randbytes(70_000), "sub/vocabulary": chance.randbytes(900)})
    busy = others = 0
    begin = time.monotonic()
    for turn in range(count):
        draft, target = f"{domain}/.stage/{turn}", f"{domain}/{turn}"
        if turn % real_every == 0:
            done = subprocess.run(["sh", "-c", 'cp -r "$1" "$2" && exec mv -T "$2" "$3"', "sh", source, draft, target],
                                  capture_output=True, text=True)
            failed = done.stderr.strip() if done.returncode != 0 else ""
        else:
            files = {"config.json": b"{}", "model.txt": str(turn).encode()}
            if turn % 10 == 1:
                files["weights.bin"] = chance.randbytes(70_000)
            mounted.make_tree(draft, files)
            failed = rename_outcome(draft, target)
            failed = "" if failed == "won" else failed
        if failed:
            is_busy = failed == "EBUSY" or "busy" in failed
            busy += is_busy
            others += not is_busy
            run.violation(f"{name}, {turn}: {failed}")
            if busy + others > 20:
                break
    return busy, others, time.monotonic() - begin


def row_of(title, count, busy, others, seconds, *more):
    return [[f"cp -r + mv in a row, {title}", count], ["  EBUSY", busy], ["  other errors", others], *more,
            ["  seconds", f"{seconds:.1f}"]]


def burn(stop):
    mounted.default_signals()
    while not stop.is_set():
        sum(range(10000))


def in_a_row_under_load(run, daemon, count, real_every):
    stop = context.Event()
    burners = [context.Process(target=burn, args=(stop,), daemon=True) for _ in range(4)]
    for burner in burners:
        burner.start()
    try:
        return row_of("beside 4 busy processes", count, *copy_and_move_in_a_row(run, daemon, "loaded", count, real_every))
    finally:
        stop.set()
        for burner in burners:
            burner.join()


class HeldBack:
    """strace on the daemon's threads: every n-th request waits for DELAY_US between being read and being handled."""

    # Of linux/fuse.h; the second word of a request's header.
    RELEASE, RENAME, RENAME2 = 18, 12, 45

    def __init__(self, run, pid):
        self.log = run.path("held-back.strace")
        # Threads take turns in an order of the kernel's, so each n-th of a thread is any kind of request in the end.
        self.process = subprocess.Popen(
            ["strace", "-f", "-ttt", "-p", str(pid), "-o", self.log, "-P", "/dev/fuse", "-e", "trace=read", "-e",
             f"inject=read:delay_exit={DELAY_US}:when=3+11", "-xx", "-s", "8"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # It says so for every thread, before it lets one go on.
        self.process.stderr.readline()
        self.drain = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.drain.start()

    def end(self):
        self.process.terminate()
        self.process.wait(mounted.END_LIMIT_S)
        self.drain.join()

    def figures(self):
        """How many RELEASEs were held back, and how many renames arrived while one was."""
        held, overtaken, until = 0, 0, 0.0
        request = re.compile(r"^\d+ +(\d+\.\d+) .*?\"((?:\\x[0-9a-f]{2}){8})\"")
        with open(self.log, encoding="utf-8") as lines:
            for line in lines:
                if not (found := request.match(line)):
                    continue
                opcode = bytes.fromhex(found.group(2).replace("\\x", ""))[4]
                when = float(found.group(1))
                if opcode == self.RELEASE and "DELAYED" in line:
                    held += 1
                    until = when + DELAY_US / 1e6
                if opcode in (self.RENAME, self.RENAME2) and when < until:
                    overtaken += 1
        return held, overtaken


def in_a_row_held_back(run, daemon, count, real_every):
    if shutil.which("strace") is None:
        return [["cp -r + mv in a row, RELEASE held back", "skipped: no strace"]]
    held_back = HeldBack(run, daemon.pid)
    if held_back.process.poll() is not None:
        return [["cp -r + mv in a row, RELEASE held back", "skipped: strace may not attach"]]
    try:
        result = copy_and_move_in_a_row(run, daemon, "held-back", count, real_every)
    finally:
        held_back.end()
    held, overtaken = held_back.figures()
    if overtaken == 0 and count >= 200:  # by chance, in a short run
        run.violation("no rename came while a RELEASE was held back: this showed nothing")
    return row_of(f"RELEASE held back by {DELAY_US // 1000} ms", count, *result,
                  ["  RELEASEs held back", held], ["  renames that overtook one", overtaken])


def add_options(parser):
    parser.add_argument("--full", action="store_true", help="the sizes of the issue: 200 turns, 50 generations each, 10,000 in a row")
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--generations", type=int, default=10, help="of each process")
    parser.add_argument("--row", type=int, default=300)
    parser.add_argument("--held-back", type=int, default=30, help="in a row with RELEASE held back")
    parser.add_argument("--only", choices=["version", "next", "row", "load", "held-back"], action="append")


def body(run, options):
    if options.full:
        options.turns, options.generations, options.row, options.held_back = 200, 50, 10_000, 1_000
    only = options.only or ["version", "next", "row", "load", "held-back"]
    daemon = run.daemon("store")
    daemon.start()
    rows = []
    try:
        if "version" in only:
            rows += publish_same_version(run, daemon, options.turns)
        if "next" in only:
            rows += take_next(run, daemon, options.generations)
        if "row" in only:
            rows += row_of("in peace", options.row, *copy_and_move_in_a_row(run, daemon, "row", options.row, 20))
        if "load" in only:
            rows += in_a_row_under_load(run, daemon, options.row // 5, 20)
        if "held-back" in only:
            rows += in_a_row_held_back(run, daemon, options.held_back, 20)
        report = daemon.json("verify")
        rows += [["verify: blobs", report["blobs"]], ["  problems", report["problem_count"]]]
        if draft_count := len(mounted.draft_files(daemon.store)):
            mounted.wait_for(lambda: not mounted.draft_files(daemon.store), f"{draft_count} draft files are swept")
        daemon.stop()
    except (mounted.Violation, TimeoutError) as violation:
        run.violation(str(violation))
    mounted.table(rows)


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
