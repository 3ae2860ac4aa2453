#!/usr/bin/env python3
"""Compaction: how long a daemon takes to replace the archives that wait in one domain by recipes.

Each release came as a plain tar with one small file, so nearly all of the time goes by the number of archives and not by their bytes. The
store is made by fill_store, without a mount; then a daemon is started, and its status is asked until no archive waits. The time that goes by
their number should grow as that does: the last column is the time for one archive, as a multiple of the row above.
"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import mounted  # noqa: E402

GROWTH_MAX = 2.0  # of the time for one archive, from one row to the next: beyond it, the whole is not linear
POLL_S = 0.05


def compact(run, options, count):
    """Seconds from the mount until no archive waits."""
    daemon = run.daemon(f"compaction-{count}")
    program = os.path.join(os.path.dirname(daemon.binary), "tests", "fill_store")
    subprocess.run([program, daemon.store, "1", str(count), "tar"], check=True)
    daemon.start()
    begin = time.monotonic()
    mounted.wait_for(lambda: not daemon.json("status")["archives"].get("waiting"), f"{count} archives are compacted", options.wait, POLL_S)
    took = time.monotonic() - begin
    archives = daemon.json("status")["archives"]
    if archives.get("recipes") != count:
        run.violation(f"of {count} archives {archives.get('recipes')} have recipes: {archives}")
    daemon.stop()
    return took


def add_options(parser):
    parser.add_argument("--quick", action="store_true", help="100 and 1,000 archives")
    parser.add_argument("--counts", type=lambda text: [int(each) for each in text.split(",")], default=[1000, 10000], metavar="N,N")
    parser.add_argument("--wait", type=int, default=900, metavar="SECONDS", help="for one row")


def body(run, options):
    counts = [100, 1000] if options.quick else options.counts
    rows, above = [], None
    for count in counts:
        took = compact(run, options, count)
        each = took / count
        growth = each / above if above else None
        rows.append([f"{count} archives", f"{took:.2f} s", f"{each * 1000:.2f} ms", f"{growth:.2f}" if growth else ""])
        if growth and growth > GROWTH_MAX:
            run.violation(f"one of {count} archives takes {growth:.1f} times as long as one of the row above (at most {GROWTH_MAX})")
        above = each
    mounted.table(rows, ["one domain", "compacted in", "each", "to the row above"])


if __name__ == "__main__":
    mounted.program(__doc__, add_options, body)
