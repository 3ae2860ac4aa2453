#!/usr/bin/env python3
"""The gateway and the disk of radosgw are killed and started again while hosts fill slots: what was acknowledged is stored, one winner each.

    killed_server.py [--rounds N] [--limit SECONDS] -- S3_TESTS"""

import argparse
import os
import subprocess
import sys
import time

import radosgw
from mounted import wait_for

FILTER = "--gtest_filter=S3ServerLostAnswers.*"
BETWEEN_S = 2  # so that requests are under way at each kill


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--limit", type=int, default=280, help="seconds for the whole")
    parser.add_argument("tests")
    options = parser.parse_args()
    deadline = time.monotonic() + options.limit
    with radosgw.Radosgw() as server:
        over = server.path("over")
        with subprocess.Popen([options.tests, FILTER], env={**server.environment(), "MODELFS_TEST_UNTIL": over}) as tests:
            try:
                for kill in ["rgw", "osd"] * options.rounds:
                    time.sleep(BETWEEN_S)
                    if tests.poll() is not None:
                        break
                    begin = time.monotonic()
                    server.kill(kill)
                    server.again(kill)
                    server.wait_until_it_stores(limit_s=120)
                    wait_for(server.answers, "the gateway", limit_s=60, pause_s=0.1)
                    print(f"{kill}: killed, and back after {time.monotonic() - begin:.1f} s", flush=True)
                with open(over, "wb"):
                    pass
                return tests.wait(timeout=max(1.0, deadline - time.monotonic()))
            except BaseException:
                tests.kill()
                raise


if __name__ == "__main__":
    sys.exit(main())
