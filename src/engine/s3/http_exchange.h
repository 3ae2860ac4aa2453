// One request and its answer, as libcurl's callbacks see them.
#pragma once
#include <curl/curl.h>

#include "base/digest.h"
#include "engine/s3/http_message.h"

namespace modelfs {

// Used by one thread; lives as long as the transfer.
class HttpExchange {
 public:
  HttpExchange(const HttpRequest& request, HttpAnswer& answer) : request_(request), answer_(answer) {}
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  // Tells `curl` what to send and where the answer goes.
  void prepare(CURL* curl);
  // Afterwards: what `result` means.
  void conclude(CURL* curl, CURLcode result);

 private:
  static std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* self);
  static std::size_t on_write(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self);
  std::size_t read_body(ByteSpan into);
  std::size_t take_bytes(ByteView bytes);
  void prepare_method(CURL* curl);

  const HttpRequest& request_;
  HttpAnswer& answer_;
  CURL* curl_ = nullptr;
  curl_slist* headers_ = nullptr;
  std::uint64_t sent_bytes_ = 0;  // of the body, given to libcurl
  bool is_full_ = false;          // the answer was ended by us, having had what was wanted
  Hasher hasher_;
};

}  // namespace modelfs
