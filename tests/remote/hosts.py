#!/usr/bin/env python3
"""Many hosts on one registry: each a daemon with a store and a mount of its own.

The registry lies where MODELFS_TEST_S3 says (servers.py), else in a directory. Hosts publish, label, remove and restore by path;
what each was told is compared with what all of them show in the end.

    races        all publish one version at the same moment: one wins, the others hear EEXIST and keep their drafts
    generations  all take `next` of one release: no number is missing or taken twice
    notice       what one host does is seen on another within a second of its being applied
    load         commits alone, of all hosts at once (only with --only): rates, and what one publisher waits alone
    outage       the bucket goes away for --seconds (only with --only, and a fault proxy)
    chaos        they publish for --seconds while daemons are killed; nothing acknowledged is lost, nothing refused appears
"""

import collections
import errno
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402

FOLLOW_MS = 100
DEADLINE_S = 8
SETTLE_LIMIT_S = 60
PUBLISHERS = 4  # of each host, under load
# What a publisher may be told that leaves open whether it was published, since the daemon ended or nobody answered.
OPEN_ERRORS = {errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNABORTED, errno.EIO}


class Registry:
    def __init__(self, run, count):
        self.run = run
        base = os.environ.get("MODELFS_TEST_S3")
        if base:
            self.remote = f"{base.rstrip('/')}/{os.path.basename(run.directory)}"
        else:
            os.mkdir(run.path("shared"))
            self.remote = "file://" + run.path("shared")
        done = subprocess.run([run.binary, "init", self.remote], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise mounted.Violation(f"modelfs init: {done.stderr}")
        self.hosts = []
        for number in range(count):
            host = run.daemon(f"host{number}")
            host.remote = self.remote
            host.options = f"follow={FOLLOW_MS},publish_deadline={DEADLINE_S}"
            self.hosts.append(host)
        for host in self.hosts:
            host.start()

    def state(self, host):
        with open(host.mount_point + "/.modelfs/status.json", encoding="utf-8") as file:
            return json.load(file)["registry"]

    def settle(self):
        """Until all hosts have applied the same records, and nothing is open."""

        def settled():
            states = [self.state(host) for host in self.hosts]
            return len({state["next_record"] for state in states}) == 1 and not any(state["unsettled"] for state in states)

        def twice():
            return settled() and (time.sleep(3 * FOLLOW_MS / 1000) or settled())

        mounted.wait_for(twice, "all hosts have read the log to its end", SETTLE_LIMIT_S, 0.05)


def draft(host, domain, name, text):
    path = f"{host.mount_point}/{domain}/.stage/{name}"
    os.mkdir(path)
    with open(path + "/weights", "w", encoding="utf-8") as file:
        file.write(text)
    return path


def publish(source, target):
    """What the rename says: "ok", or an errno."""
    try:
        os.rename(source, target)
        return "ok"
    except OSError as error:
        return error.errno


def each_at_once(hosts, work):
    barrier = threading.Barrier(len(hosts))
    results = [None] * len(hosts)

    def one(number):
        barrier.wait()
        results[number] = work(number, hosts[number])

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(hosts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def races(run, registry, rounds):
    hosts = registry.hosts
    os.mkdir(hosts[0].mount_point + "/race")
    registry.settle()
    begin = time.monotonic()
    winners = collections.Counter()
    for number in range(rounds):
        sources = [draft(host, "race", f"r{number}", f"{index} {number}") for index, host in enumerate(hosts)]
        results = each_at_once(hosts, lambda index, host: publish(sources[index], f"{host.mount_point}/race/{number}"))
        won = [index for index, result in enumerate(results) if result == "ok"]
        if len(won) != 1:
            run.violation(f"round {number}: {len(won)} winners: {results}")
            continue
        winners[won[0]] += 1
        for index, result in enumerate(results):
            if index == won[0]:
                continue
            if result != errno.EEXIST:
                run.violation(f"round {number}: host {index} heard {errno.errorcode.get(result, result)}")
            with open(sources[index] + "/weights", encoding="utf-8") as file:
                if file.read() != f"{index} {number}":
                    run.violation(f"round {number}: the draft of host {index} was changed")
    seconds = time.monotonic() - begin
    registry.settle()
    for number in range(0, rounds, max(1, rounds // 20)):
        texts = set()
        for host in hosts:
            with open(f"{host.mount_point}/race/{number}/weights", encoding="utf-8") as file:
                texts.add(file.read())
        if len(texts) != 1:
            run.violation(f"version {number} is not the same on all hosts: {texts}")
    print(f"races: {rounds} rounds of {len(hosts)} hosts, {1000 * seconds / max(1, rounds):.0f} ms each, "
          f"won from {min(winners.values(), default=0)} to {max(winners.values(), default=0)} times")


def generations(run, registry, count):
    hosts = registry.hosts
    os.mkdir(hosts[0].mount_point + "/gen")
    source = draft(hosts[0], "gen", "base", "base")
    if publish(source, hosts[0].mount_point + "/gen/1") != "ok":
        raise mounted.Violation("the release for generations was not published")
    registry.settle()

    def take(index, host):
        for number in range(count):
            path = f"{host.mount_point}/gen/.stage/g{number}"
            os.mkdir(path)
            with open(path + "/state", "w", encoding="utf-8") as file:
                file.write(f"{index} {number}")
            result = publish(path, f"{host.mount_point}/gen/1/next")
            if result != "ok":
                run.violation(f"host {index}, generation {number}: {errno.errorcode.get(result, result)}")
        return None

    each_at_once(hosts, take)
    registry.settle()
    for host in hosts:
        base = host.mount_point + "/gen/1"
        numbers = sorted(int(name) for name in os.listdir(base) if name.isdigit())
        if numbers != list(range(1, len(hosts) * count + 1)):
            run.violation(f"generations on {host.mount_point}: {numbers[:5]} … {len(numbers)} of {len(hosts) * count}")
    base = hosts[0].mount_point + "/gen/1"
    texts = []
    for number in range(1, len(hosts) * count + 1):
        with open(f"{base}/{number}/state", encoding="utf-8") as file:
            texts.append(file.read())
    if len(set(texts)) != len(hosts) * count:
        run.violation("a generation was taken twice")
    print(f"generations: {len(hosts)} hosts x {count}, no gap")


def seen_within(condition, limit_s=30):
    begin = time.monotonic()
    mounted.wait_for(condition, "another host sees it", limit_s, 0.005)
    return time.monotonic() - begin


def notice(run, registry, rounds):
    """By path on another host, whose kernel has the names and what they were."""
    one, other = registry.hosts[0].mount_point, registry.hosts[1].mount_point
    os.mkdir(one + "/notice")
    registry.settle()
    times = []
    for number in range(rounds):
        version = str(number)
        publish(draft(registry.hosts[0], "notice", version, version), f"{one}/notice/{version}")
        times.append(seen_within(lambda: version in os.listdir(other + "/notice")))
        seen_within(lambda: os.readlink(other + "/notice/latest") == version)
        if os.path.lexists(one + "/notice/prod"):
            os.unlink(one + "/notice/prod")
        os.symlink(version, one + "/notice/prod")
        times.append(seen_within(lambda: os.path.lexists(other + "/notice/prod")
                                 and os.readlink(other + "/notice/prod") == version))
        os.listdir(f"{other}/notice/{version}")
        os.unlink(one + "/notice/prod")
        done = registry.hosts[0].command("rm", f"{one}/notice/{version}")
        if done.returncode != 0:
            run.violation(f"modelfs rm: {done.stderr}")
        times.append(seen_within(lambda: not os.path.exists(f"{other}/notice/{version}")))
        registry.hosts[0].command("restore", f"{one}/notice/{version}")
        times.append(seen_within(lambda: os.path.exists(f"{other}/notice/{version}/weights")))
    times.sort()
    print(f"notice: {len(times)} changes seen by path on another host, median {1000 * times[len(times) // 2]:.0f} ms, "
          f"p99 {1000 * times[int(len(times) * 0.99)]:.0f} ms, at a poll of {FOLLOW_MS} ms")


def chaos(run, registry, seconds):
    hosts = registry.hosts
    os.mkdir(hosts[0].mount_point + "/chaos")
    registry.settle()
    end = time.monotonic() + seconds
    locks = [threading.Lock() for _ in hosts]  # held while a daemon is away
    told = []
    counts = collections.Counter()

    def publisher(index, host):
        chance = random.Random(run.seed * 1000 + index)
        number = 0
        while time.monotonic() < end:
            number += 1
            # Some names are this host's alone, for some there are others.
            version = f"{index}.{number}" if chance.random() < 0.7 else f"all.{chance.randrange(1 << 20) // 1000}"
            text = f"{index} {number} {chance.random()}"
            try:
                source = draft(host, "chaos", f"d{number}", text)
            except OSError:
                counts["draft"] += 1
                with locks[index]:
                    continue
            begin = time.monotonic()
            result = publish(source, f"{host.mount_point}/chaos/{version}")
            told.append((index, version, text, result, time.monotonic() - begin))

    def killer():
        chance = random.Random(run.seed)
        while time.monotonic() < end - 5:
            time.sleep(chance.uniform(0.2, 1.5))
            index = chance.randrange(len(hosts))
            with locks[index]:
                hosts[index].kill()
                counts["kills"] += 1
                for _ in range(5):  # a start may meet a bucket that does not answer
                    try:
                        hosts[index].start()
                        break
                    except (mounted.Violation, TimeoutError, OSError) as error:
                        hosts[index].kill()
                        problem = error
                else:
                    run.violation(f"host {index} did not start again: {problem}")

    threads = [threading.Thread(target=publisher, args=(index, host)) for index, host in enumerate(hosts)]
    threads.append(threading.Thread(target=killer))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    registry.settle()
    judge(run, hosts, told)
    good = sum(1 for each in told if each[3] == "ok")
    slow = sorted(each[4] for each in told if each[3] == "ok") or [0]
    errors = collections.Counter(errno.errorcode.get(each[3], str(each[3])) for each in told if each[3] != "ok")
    print(f"chaos: {seconds} s, {good} of {len(told)} commits acknowledged ({good / seconds:.0f}/s, median "
          f"{1000 * slow[len(slow) // 2]:.0f} ms, p99 {1000 * slow[int(len(slow) * 0.99)]:.0f} ms), {dict(errors)}, "
          f"{counts['kills']} daemons killed")


def load(run, registry, each):
    """Commits alone: the drafts are made before. Every host has PUBLISHERS threads, each in a domain of its own."""
    hosts = registry.hosts
    work = []
    for index, host in enumerate(hosts):
        for publisher in range(PUBLISHERS):
            domain = f"load{index}x{publisher}"
            os.mkdir(f"{host.mount_point}/{domain}")
            work.append((host, domain, [draft(host, domain, f"d{number}", f"{domain} {number}") for number in range(each)]))
    registry.settle()
    barrier = threading.Barrier(len(work) + 1)
    times = [[] for _ in work]
    ends = [0.0] * len(work)

    def publisher(number):
        host, domain, sources = work[number]
        barrier.wait()
        for count, source in enumerate(sources):
            begin = time.monotonic()
            result = publish(source, f"{host.mount_point}/{domain}/{count}")
            times[number].append(time.monotonic() - begin)
            if result != "ok":
                run.violation(f"{domain}/{count}: {errno.errorcode.get(result, result)}")
        ends[number] = time.monotonic()

    threads = [threading.Thread(target=publisher, args=(number,)) for number in range(len(work))]
    for thread in threads:
        thread.start()
    barrier.wait()
    begin = time.monotonic()
    for thread in threads:
        thread.join()
    # Until the first is done all compete; from then on fewer do.
    seconds = min(ends) - begin
    done = [sum(1 for _ in range(len(mine)) if sum(mine[: _ + 1]) <= seconds) for mine in times]
    by_host = [sum(done[i:i + PUBLISHERS]) for i in range(0, len(done), PUBLISHERS)]
    all_times = sorted(value for mine in times for value in mine)
    print(f"load: {len(hosts)} hosts x {PUBLISHERS}: {sum(done) / seconds:.0f} commits/s, median "
          f"{1000 * all_times[len(all_times) // 2]:.0f} ms, p99 {1000 * all_times[int(len(all_times) * 0.99)]:.0f} ms; "
          f"fewest and most of a host {min(by_host)} and {max(by_host)} in {seconds:.1f} s")
    one = hosts[0]
    alone = []
    os.mkdir(one.mount_point + "/alone")
    for number in range(30):
        source = draft(one, "alone", f"d{number}", str(number))
        begin = time.monotonic()
        publish(source, f"{one.mount_point}/alone/{number}")
        alone.append(time.monotonic() - begin)
    print(f"load: one publisher alone: median {1000 * sorted(alone)[15]:.1f} ms")


def outage(run, registry, seconds):
    """The bucket goes away (through the proxy of servers.py) while one host reads and publishes."""
    control = os.environ.get("MODELFS_TEST_PROXY")
    if not control:
        raise mounted.Violation("outage needs a fault proxy: servers.py SERVER --faults seed=1 -- …")
    host, other = registry.hosts[0], registry.hosts[1]
    os.mkdir(host.mount_point + "/away")
    publish(draft(host, "away", "d", "here"), host.mount_point + "/away/1")
    registry.settle()
    reads = {"before": 0, "away": 0}
    phase = "before"
    stop = threading.Event()

    def reader():
        while not stop.is_set():
            with open(other.mount_point + "/away/latest/weights", encoding="utf-8") as file:
                if file.read() != "here":
                    run.violation("a reader saw something else")
            reads[phase] += 1

    def ask(setting):
        subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "fault_proxy.py"),
                        "--set", control, setting], check=True, stdout=subprocess.DEVNULL)

    thread = threading.Thread(target=reader)
    thread.start()
    time.sleep(5)
    before = reads["before"] / 5
    ask(f"down={seconds}")
    phase = "away"
    begin = time.monotonic()
    waits = []
    number = 0
    while time.monotonic() - begin < seconds - DEADLINE_S - 2:
        number += 1
        source = draft(host, "away", f"x{number}", "new")
        asked = time.monotonic()
        result = publish(source, f"{host.mount_point}/away/x{number}")
        waits.append(time.monotonic() - asked)
        if result != errno.EHOSTUNREACH and result != errno.ETIMEDOUT:
            run.violation(f"publishing without the bucket: {errno.errorcode.get(result, result)}")
    away = reads["away"] / (time.monotonic() - begin)
    stop.set()
    thread.join()
    time.sleep(max(0, begin + seconds - time.monotonic()))
    back = time.monotonic()
    mounted.wait_for(lambda: not registry.state(host)["unsettled"] and registry.state(host)["reachable"],
                     "everything is settled", 60, 0.05)
    settled = time.monotonic() - back
    for number in range(1, number + 1):
        if os.path.exists(f"{host.mount_point}/away/x{number}") and number > 1:
            run.violation(f"x{number} was refused, and is published")
    print(f"outage: {seconds} s; {before:.0f} reads/s before, {away:.0f} while it was away; publishing failed after "
          f"{min(waits):.2f} to {max(waits):.2f} s (deadline {DEADLINE_S} s); settled {settled:.1f} s after it was back")


def judge(run, hosts, told):
    """Every acknowledged release is there with its own bytes, and none that was refused."""
    shown = []
    for host in hosts:
        found = {}
        base = host.mount_point + "/chaos"
        for name in os.listdir(base):
            if "." not in name or name == ".stage":
                continue
            with open(f"{base}/{name}/weights", encoding="utf-8") as file:
                found[name] = file.read()
        shown.append(found)
    hashes = {hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest() for found in shown}
    if len(hashes) != 1:
        run.violation(f"the hosts show {len(hashes)} different registries: {[len(found) for found in shown]}")
    found = shown[0]
    for index, version, text, result, _ in told:
        is_there = found.get(version) == text
        if result == "ok" and not is_there:
            run.violation(f"host {index} was told that {version} is published, and it is {found.get(version)!r}")
        if result != "ok" and result not in OPEN_ERRORS and is_there:
            run.violation(f"host {index} heard {errno.errorcode.get(result, result)} for {version}, and it is published")
    winners = collections.Counter(version for _, version, _, result, _ in told if result == "ok")
    for version, count in winners.items():
        if count > 1:
            run.violation(f"{version} was acknowledged {count} times")


def body(run, options):
    registry = Registry(run, options.hosts)
    if options.only in (None, "races"):
        races(run, registry, options.rounds)
    if options.only in (None, "generations"):
        generations(run, registry, options.generations)
    if options.only in (None, "notice"):
        notice(run, registry, options.notices)
    if options.only in (None, "chaos"):
        chaos(run, registry, options.seconds)
    if options.only == "load":
        load(run, registry, options.commits)
    if options.only == "outage":
        outage(run, registry, options.seconds)
    for host in registry.hosts:
        host.stop()


def add_options(parser):
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=10, help="of races")
    parser.add_argument("--generations", type=int, default=5, help="that each host takes")
    parser.add_argument("--notices", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=15, help="of chaos")
    parser.add_argument("--only", choices=["races", "generations", "notice", "chaos", "load", "outage"])
    parser.add_argument("--commits", type=int, default=60, help="of each publisher under load")


if __name__ == "__main__":
    mounted.program(__doc__.splitlines()[0], add_options, body)
