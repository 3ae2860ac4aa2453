#!/usr/bin/env python3
"""Each fault of fault_proxy.py does what it says: asked through it of the server that servers.py has started.

    servers.py ministack --faults seed=1 -- fault_proxy_test.py"""

import http.client
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fault_proxy  # noqa: E402
import signed  # noqa: E402

KEYS = (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
CLOSED = (OSError, http.client.HTTPException)
FOLDER = "/" + os.environ["MODELFS_TEST_S3"].partition("://")[2]
BYTES = bytes(range(256)) * 40


class Faults(unittest.TestCase):
    def setUp(self):
        self.set("reset=1")
        self.server = signed.Connection(os.environ["AWS_ENDPOINT_URL"], KEYS, os.environ["AWS_REGION"], os.environ.get("AWS_CA_BUNDLE"))
        self.name = f"{FOLDER}/{self._testMethodName}"

    def tearDown(self):
        self.server.close()
        self.set("reset=1")

    def set(self, *settings):
        return fault_proxy.ask(os.environ["MODELFS_TEST_PROXY"], *settings)

    def ask(self, method, body=b""):
        status, _, answer = self.server.ask(method, self.name, body=body)
        return status, answer

    def is_stored(self):
        return self.ask("GET")[0] == 200

    def test_nothing_is_changed_without_a_fault(self):
        self.assertEqual(self.ask("PUT", BYTES)[0], 200)
        self.assertEqual(self.ask("GET"), (200, BYTES))
        self.assertEqual(self.ask("HEAD")[0], 200)
        self.assertEqual(self.server.ask("GET", self.name, headers={"range": "bytes=3-5"})[2], BYTES[3:6])
        self.assertEqual(self.server.ask("GET", FOLDER.rpartition("/")[0], {"list-type": 2})[0], 200)
        self.assertEqual(self.ask("DELETE")[0], 204)

    def test_a_request_that_is_cut_does_not_arrive(self):
        self.set("once=cut_request")
        with self.assertRaises(CLOSED):
            self.ask("PUT", BYTES)
        self.assertFalse(self.is_stored())

    def test_a_request_whose_reply_is_cut_has_arrived(self):
        self.set("once=cut_reply")
        with self.assertRaises(CLOSED):
            self.ask("PUT", BYTES)
        self.assertTrue(self.is_stored())

    def test_a_late_request_arrives_after_its_sender_has_given_up(self):
        self.set("late_s=0.3", "once=late")
        with self.assertRaises(CLOSED):
            self.ask("PUT", BYTES)
        self.assertFalse(self.is_stored())
        deadline = time.monotonic() + 30
        while not self.is_stored():
            self.assertLess(time.monotonic(), deadline)

    def test_half_a_body_ends_too_early(self):
        self.ask("PUT", BYTES)
        self.set("once=half_body")
        with self.assertRaises(http.client.IncompleteRead) as caught:
            self.ask("GET")
        self.assertEqual(caught.exception.partial, BYTES[:len(BYTES) // 2])

    def test_wrong_bytes_differ_in_one_bit(self):
        self.ask("PUT", BYTES)
        self.set("once=wrong_bytes")
        status, answer = self.ask("GET")
        self.assertEqual((status, len(answer)), (200, len(BYTES)))
        self.assertEqual(sum((one ^ other).bit_count() for one, other in zip(answer, BYTES)), 1)
        self.assertEqual(self.ask("GET"), (200, BYTES))

    def test_a_delay_is_as_long_as_it_says(self):
        self.set("delay_s=0.3", "once=delay")
        begin = time.monotonic()
        self.assertEqual(self.ask("PUT", BYTES)[0], 200)
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)

    def test_an_error_is_answered_and_the_request_does_not_arrive(self):
        for fault, (status, code, _) in fault_proxy.ANSWERS.items():
            self.set("once=" + fault)
            said, answer = self.ask("PUT", BYTES)
            self.assertEqual(said, status)
            self.assertIn(code.encode(), answer)
            self.assertFalse(self.is_stored(), fault)

    def test_a_server_that_is_busy_says_when_to_come_again(self):
        self.set("retry_after=7", "once=error_503")
        self.assertEqual(self.server.ask("GET", self.name)[1]["Retry-After"], "7")

    def test_a_request_may_be_carried_out_and_be_answered_with_an_error(self):
        self.set("once=error_500_after")
        self.assertEqual(self.ask("PUT", BYTES)[0], 500)
        self.assertTrue(self.is_stored())

    def test_only_requests_that_match_meet_faults(self):
        self.ask("PUT", BYTES)
        self.set("error_500=1", "method=PUT", "path=/" + self._testMethodName)
        self.assertEqual(self.ask("GET")[0], 200)
        self.assertEqual(self.ask("PUT", BYTES)[0], 500)
        self.assertEqual(self.server.ask("PUT", FOLDER + "/another", body=BYTES)[0], 200)

    def test_faults_are_as_frequent_as_they_are_said_to_be(self):
        self.set("seed=7", "error_500=0.3", "error_503=0.2")
        before = self.set()
        answers = [self.ask("GET")[0] for _ in range(400)]
        self.assertTrue(80 < answers.count(500) < 160 and 45 < answers.count(503) < 115, answers)
        self.assertEqual(self.set()["error_500"] - before.get("error_500", 0), answers.count(500))

    def test_while_it_is_down_nothing_is_answered(self):
        self.ask("PUT", BYTES)
        self.set("down=0.5")
        begin = time.monotonic()
        while True:
            try:
                self.assertEqual(self.ask("GET"), (200, BYTES))
                break
            except CLOSED:
                self.assertLess(time.monotonic() - begin, 30)
        self.assertGreaterEqual(time.monotonic() - begin, 0.4)

    def test_while_it_hangs_requests_are_taken_and_closed(self):
        self.ask("PUT", BYTES)
        self.set("hang=0.5")
        begin = time.monotonic()
        with self.assertRaises(CLOSED):
            self.ask("GET")
        self.assertGreaterEqual(time.monotonic() - begin, 0.4)
        self.assertEqual(self.ask("GET"), (200, BYTES))


if __name__ == "__main__":
    unittest.main()
