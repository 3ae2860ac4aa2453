// One request and its answer, as libcurl's callbacks see them.
#pragma once
#include <curl/curl.h>

#include <array>
#include <string>

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

  // Tells `curl` what to send and where the answer goes. A body that is small is read for that; what is wrong with it
  // is what is returned, and in the answer.
  Status prepare(CURL* curl);
  // Afterwards: what `result` means.
  void conclude(CURL* curl, CURLcode result);

 private:
  static int on_send(void* self, char* ours, char* theirs, int our_port, int their_port);
  static std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* self);
  static std::size_t on_write(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self);
  std::size_t read_body(ByteSpan into);
  std::size_t take_bytes(ByteView bytes);
  Status load_body();
  void prepare_method(CURL* curl);
  bool is_loaded() const { return request_.body.size_bytes <= kLoadedBytesMax; }

  // Such bodies are sent together with the head, as one piece where libcurl can.
  static constexpr std::uint64_t kLoadedBytesMax = 256 << 10;

  const HttpRequest& request_;
  HttpAnswer& answer_;
  CURL* curl_ = nullptr;
  curl_slist* headers_ = nullptr;
  std::string loaded_;                         // the body, where it is small
  std::array<char, CURL_ERROR_SIZE> words_{};  // libcurl's, of what went wrong
  int sends_ = 0;                              // how often libcurl has begun to send the request
  std::uint64_t sent_bytes_ = 0;               // of the body, given to libcurl
  bool is_full_ = false;                       // the answer was ended by us, having had what was wanted
  Hasher hasher_;
};

}  // namespace modelfs
