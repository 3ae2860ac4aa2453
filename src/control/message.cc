#include "control/message.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace modelfs {
namespace {

constexpr std::size_t kHeaderBytes = 8;  // two big-endian 32-bit numbers: bytes of the body, bytes that follow it

void put_be32(char* at, std::uint32_t number) {
  for (int i = 3; i >= 0; --i, number >>= 8) at[i] = static_cast<char>(number & 0xff);
}

std::uint32_t take_be32(const char* at) {
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(at[i]);
  return number;
}

Status lost(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK) return {Code::IoError, "the peer does not answer"};
  return {Code::IoError, std::string("the connection was lost: ") + std::strerror(error)};
}

// Room for the descriptors of one frame, aligned as the kernel wants it.
struct ControlRoom {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kFrameDescriptorsMax)> bytes{};
};

void attach(msghdr& header, ControlRoom& room, const std::vector<File>& descriptors) {
  header.msg_control = room.bytes.data();
  header.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
  cmsghdr* const control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    const int fd = descriptors[i].fd();
    std::memcpy(CMSG_DATA(control) + i * sizeof(int), &fd, sizeof(int));
  }
}

// Takes over every descriptor of a received message, also of one that is refused: nothing else would close them.
void take_descriptors(msghdr& header, std::vector<File>& into) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
      into.emplace_back(fd);
    }
  }
}

// Fills `into` and collects the descriptors that arrived with these bytes. Never reads more bytes than belong to the
// frame, so descriptors of the next frame stay where they are. Returns the bytes received: short only when the peer
// closed the connection.
Result<std::size_t> receive_exactly(int socket, char* into, std::size_t size_bytes, std::vector<File>& descriptors) {
  std::size_t done = 0;
  while (done < size_bytes) {
    iovec piece{into + done, size_bytes - done};
    ControlRoom room;
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = room.bytes.data();
    header.msg_controllen = room.bytes.size();
    const ssize_t got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return lost(errno);
    take_descriptors(header, descriptors);
    if ((header.msg_flags & MSG_CTRUNC) != 0 || descriptors.size() > kFrameDescriptorsMax) {
      return Status(Code::Malformed, "a frame with more descriptors than can be taken");
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Status receive_rest(int socket, std::string& into, std::vector<File>& descriptors) {
  const auto got = receive_exactly(socket, into.data(), into.size(), descriptors);
  if (!got.ok()) return got.status();
  if (*got < into.size()) return {Code::IoError, "the peer closed the connection in the middle of a message"};
  return {};
}

}  // namespace

Result<nlohmann::json> parse_body(std::string_view text) {
  try {
    std::size_t values = 0;
    const auto bounded = [&](int outer, nlohmann::json::parse_event_t event, const nlohmann::json&) {
      using Event = nlohmann::json::parse_event_t;
      const bool opens = event == Event::object_start || event == Event::array_start;
      if (opens && outer >= kBodyDepthMax) throw std::length_error("nested too deep");
      if (++values > kBodyValuesMax) throw std::length_error("too many values");
      return true;
    };
    auto body = nlohmann::json::parse(text, bounded);
    if (body.is_object()) return body;
    return Status(Code::Malformed, "a frame whose body is not a JSON object");
  } catch (const std::exception& problem) {
    return Status(Code::Malformed, std::string("a frame whose body does not parse: ") + problem.what());
  }
}

Status send_message(int socket, const Message& message) {
  // `replace`: the checks of names have happened; a message for people may quote anything.
  const std::string body = message.body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (body.size() + message.bytes.size() > kFrameBytesMax || message.descriptors.size() > kFrameDescriptorsMax) {
    return {Code::TooLarge, "a message of " + std::to_string(body.size() + message.bytes.size()) + " bytes and " +
                                std::to_string(message.descriptors.size()) + " descriptors does not fit in a frame"};
  }
  std::string frame(kHeaderBytes, '\0');
  put_be32(frame.data(), static_cast<std::uint32_t>(body.size()));
  put_be32(frame.data() + 4, static_cast<std::uint32_t>(message.bytes.size()));
  frame += body;
  frame += message.bytes;

  ControlRoom room;
  for (std::size_t done = 0; done < frame.size();) {
    iovec piece{frame.data() + done, frame.size() - done};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    if (done == 0 && !message.descriptors.empty()) attach(header, room, message.descriptors);
    const ssize_t sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return lost(errno);
    done += static_cast<std::size_t>(sent);
  }
  return {};
}

Result<std::optional<Message>> receive_message(int socket) {
  Message message;
  std::array<char, kHeaderBytes> header{};
  const auto got = receive_exactly(socket, header.data(), header.size(), message.descriptors);
  if (!got.ok()) return got.status();
  if (*got == 0) return std::optional<Message>();
  if (*got < header.size()) return Status(Code::IoError, "the peer closed the connection in the middle of a message");

  const std::size_t body_bytes = take_be32(header.data());
  const std::size_t extra_bytes = take_be32(header.data() + 4);
  // Before anything is allocated for it.
  if (body_bytes + extra_bytes > kFrameBytesMax) {
    return Status(Code::Malformed,
                  "a frame of " + std::to_string(body_bytes + extra_bytes) + " bytes, which is too large");
  }
  std::string body(body_bytes, '\0');
  if (Status status = receive_rest(socket, body, message.descriptors); !status.ok()) return status;
  message.bytes.resize(extra_bytes);
  if (Status status = receive_rest(socket, message.bytes, message.descriptors); !status.ok()) return status;
  auto parsed = parse_body(body);
  if (!parsed.ok()) return parsed.status();
  message.body = *std::move(parsed);
  return std::optional<Message>(std::move(message));
}

nlohmann::json error_json(const Status& status) {
  return {{"code", code_name(status.code())}, {"message", status.message()}};
}

Status error_of(const nlohmann::json& error) {
  const auto text = [&](const char* key) {
    const auto found = error.find(key);
    return found != error.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string name = text("code");
  for (int number = 1; number <= static_cast<int>(Code::Internal); ++number) {
    const auto code = static_cast<Code>(number);
    if (code_name(code) == name) return {code, text("message")};
  }
  return {Code::Internal, text("message")};
}

Message failure(const Status& status) {
  Message message;
  message.body["error"] = error_json(status);
  return message;
}

}  // namespace modelfs
