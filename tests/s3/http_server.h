// An HTTP server of a test's own on loopback: one function answers, and may misbehave.
#pragma once
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"

namespace modelfs {

struct ServedRequest {
  std::string method;
  std::string target;                          // "/bucket/key?list-type=2"
  std::map<std::string, std::string> headers;  // by lower-case name
  std::string body;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct ServedAnswer {
  int status = 200;
  std::string body = {};
  std::vector<std::string> headers = {};  // "ETag: x"
  enum class Fault { None, CutBefore, CutInBody, NeverAnswer } fault = Fault::None;
};

inline ServedAnswer s3_error(int status, const std::string& code, std::vector<std::string> headers = {}) {
  return {status,
          "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>words of the server</Message></Error>",
          std::move(headers)};
}

class HttpServer {
 public:
  using Handler = std::function<ServedAnswer(const ServedRequest&)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = File(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.fd(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.fd(), 64), 0);
    ::getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ::ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~HttpServer() {
    ::shutdown(listener_.fd(), SHUT_RDWR);
    acceptor_.join();
    {
      const MutexLock lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string origin() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // In the order in which they came.
  std::vector<ServedRequest> requests() const {
    const MutexLock lock(mutex_);
    return requests_;
  }
  std::size_t count(const std::string& method) const {
    const auto all = requests();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const ServedRequest& request) { return request.method == method; }));
  }
  std::size_t connections() const {
    const MutexLock lock(mutex_);
    return connections_;
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const MutexLock lock(mutex_);
      ++connections_;
      open_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string buffer;
    ServedRequest request;
    while (read_request(fd, buffer, request)) {
      {
        const MutexLock lock(mutex_);
        requests_.push_back(request);
      }
      if (!send(fd, request, handler_(request))) break;
    }
    const MutexLock lock(mutex_);
    open_.erase(std::remove(open_.begin(), open_.end(), fd), open_.end());
    ::close(fd);
  }

  static bool fill(int fd, std::string& buffer) {
    char piece[65536];
    const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
    if (got <= 0) return false;
    buffer.append(piece, static_cast<std::size_t>(got));
    return true;
  }

  // As servers do that speak none.
  static bool refuse_tls(int fd) {
    constexpr std::string_view kAnswer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    (void)::send(fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
    return false;
  }

  static bool read_request(int fd, std::string& buffer, ServedRequest& request) {
    std::size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!fill(fd, buffer)) return false;
      if (buffer.front() < 'A') return refuse_tls(fd);
    }
    request = {};
    std::string head = buffer.substr(0, end + 2);
    buffer.erase(0, end + 4);
    const std::size_t first_end = head.find("\r\n");
    const std::string line = head.substr(0, first_end);
    request.method = line.substr(0, line.find(' '));
    request.target = line.substr(line.find(' ') + 1, line.rfind(' ') - line.find(' ') - 1);
    head.erase(0, first_end + 2);
    while (!head.empty()) {
      const std::size_t colon = head.find(": ");
      const std::size_t line_end = head.find("\r\n");
      std::string name = head.substr(0, colon);
      for (char& byte : name) byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
      request.headers[name] = head.substr(colon + 2, line_end - colon - 2);
      head.erase(0, line_end + 2);
    }
    const std::string length = request.header("content-length");
    const std::size_t size = length.empty() ? 0 : std::stoul(length);
    while (buffer.size() < size) {
      if (!fill(fd, buffer)) return false;
    }
    request.body = buffer.substr(0, size);
    buffer.erase(0, size);
    return true;
  }

  // False: the connection is to end.
  static bool send(int fd, const ServedRequest& request, const ServedAnswer& answer) {
    using Fault = ServedAnswer::Fault;
    if (answer.fault == Fault::CutBefore) return false;
    if (answer.fault == Fault::NeverAnswer) {
      std::string ignored;
      while (fill(fd, ignored)) ignored.clear();
      return false;
    }
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) +
                       " X\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n";
    for (const std::string& header : answer.headers) text += header + "\r\n";
    text += "\r\n";
    const bool is_cut = answer.fault == Fault::CutInBody;
    if (request.method != "HEAD") text += is_cut ? answer.body.substr(0, answer.body.size() / 2) : answer.body;
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t sent = ::send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      done += static_cast<std::size_t>(sent);
    }
    return !is_cut;
  }

  const Handler handler_;
  File listener_;
  int port_ = 0;
  std::thread acceptor_;
  mutable Mutex mutex_;
  std::vector<int> open_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
  std::vector<ServedRequest> requests_ GUARDED_BY(mutex_);
  std::size_t connections_ GUARDED_BY(mutex_) = 0;
};

}  // namespace modelfs
