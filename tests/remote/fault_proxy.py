#!/usr/bin/env python3
"""A proxy in front of an S3 server that does what networks and servers do on bad days.

    fault_proxy.py --listen PORT --control PORT --to URL [--to-ca FILE] [--certificate FILE]
    fault_proxy.py --set CONTROL-URL NAME=VALUE...

Requests go on as they came, Host included, so that their signatures hold. Each request meets one fault or none. NAME is a fault, and
VALUE its probability; or
  once=FAULT[,FAULT…]           the next requests that match meet these, one each
  method=PUT, path=TEXT         only such requests meet faults; path is a part of the path and query
  seed=N, reset=1               draws anew; no faults any more
  down=SECONDS, hang=SECONDS    no connection at all; nothing is answered
  delay_s=, late_s=, retry_after=   of the faults delay, late and error_503
At CONTROL-URL/counts is how many requests and faults there were."""

import argparse
import collections
import contextlib
import json
import random
import select
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HEAD_BYTES_MAX = 64 << 10
PIECE_BYTES = 256 << 10
SERVER_LIMIT_S = 120

# What is answered instead of what the server would: status, code, message.
ANSWERS = {
    "error_409": (409, "ConditionalRequestConflict", "A conflicting conditional operation is in progress."),
    "error_500": (500, "InternalError", "We encountered an internal error. Please try again."),
    "error_503": (503, "SlowDown", "Please reduce your request rate."),
    "expired_token": (403, "ExpiredToken", "The provided token has expired."),
    "skewed": (403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
}
FAULTS = {
    "cut_request": "closes before the request goes on",
    "cut_reply": "closes after the request, before the reply",
    "late": "closes, and the request goes on late_s later",
    "half_body": "closes after half of a reply's body",
    "wrong_bytes": "one bit of the body that a GET is answered is another",
    "delay": "the request goes on delay_s later",
    "error_500_after": "the request goes on, and is answered 500",
    **{name: f"is answered {answer[0]} {answer[1]}, and does not go on" for name, answer in ANSWERS.items()},
}


class Closed(Exception):
    """The other side has nothing more to say, or must hear nothing more."""


class Faults:
    """What is to happen. Safe for concurrent use."""

    def __init__(self):
        self.lock = threading.Lock()
        self.random = random.Random(0)
        self.counts = collections.Counter()
        self.reset()

    def reset(self):
        self.probabilities, self.once, self.method, self.path = {}, [], "", ""
        self.numbers = {"delay_s": 0.2, "late_s": 0.5, "retry_after": 1}
        self.down_until = self.hang_until = 0.0

    def set(self, name, value):
        with self.lock:
            if name in FAULTS:
                self.probabilities[name] = float(value)
            elif name == "once":
                faults = value.split(",")
                if set(faults) - set(FAULTS):
                    raise ValueError(f"no such fault: {value}")
                self.once += faults
            elif name in ("method", "path"):
                setattr(self, name, value)
            elif name in ("down", "hang"):
                setattr(self, name + "_until", time.monotonic() + float(value))
            elif name == "seed":
                self.random.seed(int(value))
            elif name == "reset":
                self.reset()
            elif name in self.numbers:
                self.numbers[name] = float(value)
            else:
                raise ValueError(f"no such name: {name}")

    def draw(self, method, target):
        with self.lock:
            self.counts["requests"] += 1
            self.counts[method] += 1
            if (self.method and self.method != method) or self.path not in target:
                return None
            if self.once:
                fault = self.once.pop(0)
            else:
                at, fault = self.random.random(), None
                for name, probability in self.probabilities.items():
                    if at < probability:
                        fault = name
                        break
                    at -= probability
            self.counts[fault or "none"] += 1
            return fault

    def is_down(self):
        return time.monotonic() < self.down_until

    def wait_while_hanging(self):
        if time.monotonic() < self.hang_until:
            while time.monotonic() < self.hang_until:
                time.sleep(0.01)
            raise Closed


class Stream:
    """A socket, read by heads and bodies."""

    def __init__(self, sock):
        self.sock, self.rest = sock, b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def more(self):
        data = self.sock.recv(PIECE_BYTES)
        if not data:
            raise Closed
        self.rest += data

    def until(self, end):
        while end not in self.rest:
            if len(self.rest) > HEAD_BYTES_MAX:
                raise Closed
            self.more()
        at = self.rest.index(end) + len(end)
        found, self.rest = self.rest[:at], self.rest[at:]
        return found

    def pieces(self, size):
        while size > 0:
            if not self.rest:
                self.more()
            piece, self.rest = self.rest[:size], self.rest[size:]
            size -= len(piece)
            yield piece

    def chunked(self):
        """As it comes, with the sizes of its chunks."""
        while True:
            line = self.until(b"\r\n")
            yield line
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while line != b"\r\n":
                    line = self.until(b"\r\n")
                    yield line
                return
            yield from self.pieces(size + 2)

    def until_the_end(self):
        with contextlib.suppress(Closed):
            while True:
                if not self.rest:
                    self.more()
                piece, self.rest = self.rest, b""
                yield piece


class Head:
    def __init__(self, raw):
        self.lines = raw[:-4].split(b"\r\n")
        self.first = self.lines[0].decode("latin-1").split(" ")
        pairs = (line.decode("latin-1").partition(":") for line in self.lines[1:])
        self.fields = {name.lower(): value.strip() for name, _, value in pairs}

    def without(self, name):
        return b"\r\n".join(line for line in self.lines if not line.lower().startswith(name.encode() + b":")) + b"\r\n\r\n"

    def is_chunked(self):
        return "chunked" in self.fields.get("transfer-encoding", "").lower()

    def size(self):
        return int(self.fields.get("content-length", "0"))


class Proxy:
    def __init__(self, to, to_ca, certificate):
        self.faults = Faults()
        self.to = urllib.parse.urlsplit(to)
        self.to_tls = ssl.create_default_context(cafile=to_ca) if self.to.scheme == "https" else None
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)

    def serve(self, port):
        with socket.create_server(("127.0.0.1", port), backlog=512) as listener:
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self.handle, args=(client,), daemon=True).start()

    def connect(self):
        sock = socket.create_connection((self.to.hostname, self.to.port), timeout=SERVER_LIMIT_S)
        return Stream(self.to_tls.wrap_socket(sock, server_hostname=self.to.hostname) if self.to_tls else sock)

    def handle(self, client):
        server = None
        try:
            if self.faults.is_down():
                return
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            stream = Stream(client)
            while True:
                head = Head(stream.until(b"\r\n\r\n"))
                if head.fields.get("expect", "").lower() == "100-continue":
                    client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = b"".join(stream.chunked() if head.is_chunked() else stream.pieces(head.size()))
                server = self.one(client, server, head, body)
        except (Closed, OSError, ValueError):
            pass
        finally:
            for sock in (client, server.sock if server else None):
                if sock:
                    with contextlib.suppress(OSError):
                        sock.close()

    def one(self, client, server, head, body):
        """One request. Returns the connection to the server, which is kept."""
        method, target = head.first[0], head.first[1]
        if self.faults.is_down():
            raise Closed
        fault, numbers = self.faults.draw(method, target), self.faults.numbers
        self.faults.wait_while_hanging()
        if fault == "cut_request":
            raise Closed
        if fault in ANSWERS:
            self.answer(client, fault, method)
            return server
        if fault == "late":
            threading.Thread(target=self.send_late, args=(head, body), daemon=True).start()
            raise Closed
        if fault == "delay":
            time.sleep(numbers["delay_s"])
        # What the server closed while it was idle.
        if server is None or select.select([server.sock], [], [], 0)[0]:
            server = self.connect()
        server.sock.sendall(head.without("expect") + body)
        is_kept = self.reply(client, server, method, fault)
        if not is_kept or self.faults.is_down():
            raise Closed
        return server

    def send_late(self, head, body):
        time.sleep(self.faults.numbers["late_s"])
        with contextlib.suppress(Closed, OSError):
            server = self.connect()
            server.sock.sendall(head.without("expect") + body)
            server.until(b"\r\n\r\n")

    def answer(self, client, fault, method):
        status, code, message = ANSWERS[fault]
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
        more = f"Retry-After: {self.faults.numbers['retry_after']:.0f}\r\n" if status == 503 else ""
        head = f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        client.sendall((head + ("" if method == "HEAD" else body)).encode())

    def reply(self, client, server, method, fault):
        """Whether the connections are of use after it."""
        head = Head(server.until(b"\r\n\r\n"))
        while head.first[1] == "100":
            head = Head(server.until(b"\r\n\r\n"))
        has_none = method == "HEAD" or head.first[1] in ("204", "304")
        is_known = has_none or head.is_chunked() or "content-length" in head.fields
        if has_none:
            pieces = []
        elif head.is_chunked():
            pieces = server.chunked()
        else:
            pieces = server.pieces(head.size()) if is_known else server.until_the_end()
        if fault in ("cut_reply", "error_500_after"):
            for _ in pieces:
                pass
            if fault == "cut_reply":
                raise Closed
            self.answer(client, "error_500", method)
            return is_known
        client.sendall(head.without("none"))
        # 0 where the size is not told beforehand.
        middle = head.size() // 2
        flips = fault == "wrong_bytes" and method == "GET" and head.first[1] in ("200", "206") and not head.is_chunked()
        sent = 0
        for piece in pieces:
            if fault == "half_body" and sent + len(piece) > middle:
                client.sendall(piece[:max(0, middle - sent)])
                raise Closed
            if flips and sent <= middle < sent + len(piece):
                at = middle - sent
                piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1:]
            client.sendall(piece)
            sent += len(piece)
        return is_known and head.fields.get("connection", "").lower() != "close"


def control_of(proxy):
    class Control(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urllib.parse.urlsplit(self.path)
            try:
                for name, value in urllib.parse.parse_qsl(url.query):
                    proxy.faults.set(name, value)
                status, text = 200, json.dumps(proxy.faults.counts)
            except ValueError as error:
                status, text = 400, str(error)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    return Control


def ask(control, *settings):
    """Sets what "name=value" says, in this order; returns the counts."""
    query = urllib.parse.urlencode([tuple(setting.split("=", 1)) for setting in settings])
    with urllib.request.urlopen(f"{control}/counts?{query}", timeout=10) as answer:
        return json.load(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", metavar="CONTROL-URL")
    parser.add_argument("--listen", type=int)
    parser.add_argument("--control", type=int)
    parser.add_argument("--to")
    parser.add_argument("--to-ca")
    parser.add_argument("--certificate", help="of this proxy, with its key: it listens with TLS")
    parser.add_argument("settings", nargs="*")
    options = parser.parse_args()
    if options.set:
        print(json.dumps(ask(options.set, *options.settings)))
        return
    if not (options.listen and options.control and options.to):
        parser.error("--listen, --control and --to are needed")
    proxy = Proxy(options.to, options.to_ca, options.certificate)
    threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", options.control), control_of(proxy)).serve_forever, daemon=True).start()
    proxy.serve(options.listen)


if __name__ == "__main__":
    sys.exit(main())
