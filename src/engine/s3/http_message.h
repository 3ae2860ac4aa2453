// A request over HTTP, and what came of it.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "engine/s3/sigv4.h"
#include "store/remote.h"

namespace modelfs {

// What is sent behind the head of a request: a part of a source.
struct HttpBody {
  const RemoteSource* source = nullptr;  // none: nothing
  std::uint64_t offset_bytes = 0;
  std::uint64_t size_bytes = 0;
  // What the bytes must hash to; none: they are not looked at. Others are never sent to their end.
  const Digest* sha256 = nullptr;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  NamedValues headers;
  HttpBody body;
  // Where the bytes of an answer 200 or 206 go; empty: into HttpAnswer::body.
  ByteSpan into;
  std::size_t answer_bytes_max = 256 << 10;  // of HttpAnswer::body
  Deadline deadline;
  std::chrono::milliseconds patience{std::chrono::seconds(10)};  // how long nearly nothing may go to and fro
  bool past_proxy = false;                                       // straight to the host, whatever the environment says
};

enum class HttpFault : std::uint8_t {
  None,
  UnknownHost,  // no address for its name
  Unreachable,  // no connection
  Untrusted,    // no TLS that can be trusted
  Silent,       // it took too long
  Cut,          // the connection ended
  BadSource,    // the body could not be read, or has other bytes
  TooMuch,      // the answer is larger than allowed
};

struct HttpAnswer {
  HttpFault fault = HttpFault::None;
  std::string reason;   // of the fault, for people
  Status source_error;  // of BadSource
  // The server may have had the whole request, whatever came back.
  bool may_have_arrived = false;
  int status = 0;                              // "200"; 0: there was no answer
  std::map<std::string, std::string> headers;  // by lower-case name
  std::string body;
  std::size_t received_bytes = 0;  // in `into`
  bool has_more = false;           // there was more than `into` takes

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
  bool is_success() const { return fault == HttpFault::None && status >= 200 && status < 300; }
};

}  // namespace modelfs
