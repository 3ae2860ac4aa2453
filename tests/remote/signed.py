"""Requests to an S3 server that are signed (Signature Version 4), by the standard library alone."""

import datetime
import hashlib
import hmac
import http.client
import ssl
import urllib.parse


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed_headers(method, host, path, query, body, keys, region, headers=None, moment=None):
    """What a request needs besides its body. `path` and `query` are as they are sent; `query` is a dict."""
    moment = moment or datetime.datetime.now(datetime.timezone.utc)
    stamp, day = moment.strftime("%Y%m%dT%H%M%SZ"), moment.strftime("%Y%m%d")
    payload = hashlib.sha256(body).hexdigest()
    signed = {**{name.lower(): value for name, value in (headers or {}).items()},
              "host": host, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    names = ";".join(sorted(signed))
    canonical = "\n".join([method, path, encoded(query), "".join(f"{name}:{signed[name]}\n" for name in sorted(signed)), names, payload])
    scope = f"{day}/{region}/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + keys[1]).encode()
    for part in (day, region, "s3", "aws4_request"):
        key = _hmac(key, part)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    signed["authorization"] = f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope}, SignedHeaders={names}, Signature={signature}"
    return signed


def encoded(query):
    return "&".join(f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(str(value), safe='-_.~')}"
                    for name, value in sorted((query or {}).items()))


class Connection:
    """One connection that is kept. `ca` is a file of certificates for https."""

    def __init__(self, endpoint, keys, region="us-east-1", ca=None, timeout_s=10):
        self.keys, self.region = keys, region
        parts = urllib.parse.urlsplit(endpoint)
        self.host = parts.netloc
        if parts.scheme == "https":
            self.http = http.client.HTTPSConnection(parts.netloc, timeout=timeout_s, context=ssl.create_default_context(cafile=ca))
        else:
            self.http = http.client.HTTPConnection(parts.netloc, timeout=timeout_s)

    def ask(self, method, path, query=None, body=b"", headers=None, moment=None):
        """(status, headers, body). `path` begins with the bucket's '/'."""
        path = urllib.parse.quote(path, safe="/-_.~")
        sent = signed_headers(method, self.host, path, query, body, self.keys, self.region, headers, moment)
        try:
            self.http.request(method, path + ("?" + encoded(query) if query else ""), body=body, headers=sent)
            answer = self.http.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except (OSError, http.client.HTTPException):
            self.http.close()
            raise

    def close(self):
        self.http.close()
