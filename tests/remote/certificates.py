"""A certificate authority of a test's own, and a certificate of it for this machine's loopback address."""

import os
import subprocess


def _openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def make(directory):
    """Makes ca.pem, server.pem, server.key and both.pem (the last two) in `directory`."""
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "names"), "w", encoding="ascii") as file:
        file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    new_key = ["req", "-newkey", "rsa:2048", "-nodes"]
    _openssl(directory, *new_key, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=modelfs test authority")
    _openssl(directory, *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    _openssl(directory, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
             "-extfile", "names", "-out", "server.pem")
    with open(os.path.join(directory, "both.pem"), "w", encoding="ascii") as both:
        for name in ("server.pem", "server.key"):
            with open(os.path.join(directory, name), encoding="ascii") as file:
                both.write(file.read())
    return directory
