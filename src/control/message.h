// What goes over the socket: frames of JSON, bytes and descriptors. PROTOCOL.md has the layout.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/status.h"

namespace modelfs {

inline constexpr std::uint64_t kProtocolVersion = 1;
// Body and bytes of one frame.
inline constexpr std::size_t kFrameBytesMax = 4ull << 20;
// Descriptors in one frame. Below SCM_MAX_FD (253), so that the kernel never cuts a list short.
inline constexpr std::size_t kFrameDescriptorsMax = 64;
// Nesting of a body; a flat object has depth 1.
inline constexpr int kBodyDepthMax = 16;
// Values and keys in a body. Why: an empty array is three bytes on the wire and sixty in memory. A part of a list or a
// batch of entries has a fiftieth of it.
inline constexpr std::size_t kBodyValuesMax = 256 * 1024;

// One request, one part of an answer, or an answer.
struct Message {
  nlohmann::json body = nlohmann::json::object();
  std::string bytes;              // contents of files, as the body says
  std::vector<File> descriptors;  // open files, as the body says
};

// A JSON object from untrusted text. Malformed: it is none, nests deeper than kBodyDepthMax, or has more than
// kBodyValuesMax values.
Result<nlohmann::json> parse_body(std::string_view text);

// Sends all of it, waiting for the peer as long as SO_SNDTIMEO says. TooLarge: above the bounds, and nothing was sent.
// IoError: the peer is gone or stalls; the connection is of no more use.
Status send_message(int socket, const Message& message);

// The next message; nullopt when the peer closed the connection between two. Malformed: not a frame, so the next one
// cannot be found. IoError: the peer stalled longer than SO_RCVTIMEO, or closed the connection inside a frame.
Result<std::optional<Message>> receive_message(int socket);

// Converts a Status to its form in a body, and back.
nlohmann::json error_json(const Status& status);
Status error_of(const nlohmann::json& error);
// The body that answers a request which failed.
Message failure(const Status& status);

}  // namespace modelfs
