#include "store/remote.h"

#include <algorithm>
#include <cstring>

namespace modelfs {

Result<std::string> get_whole(Remote& remote, const std::string& name, std::size_t bytes_max, Deadline deadline) {
  // One more than may be there, so that one request tells.
  std::string bytes(bytes_max + 1, '\0');
  const auto got = remote.get(name, 0, std::as_writable_bytes(std::span(bytes)), deadline);
  if (!got.ok()) return got.status();
  if (*got > bytes_max) {
    return Status(Code::TooLarge,
                  remote.address() + "/" + name + " has more than " + std::to_string(bytes_max) + " bytes");
  }
  bytes.resize(*got);
  return bytes;
}

Status check_remote_name(std::string_view name) {
  const auto refused = [&](const char* why) {
    return Status(Code::InvalidArgument, "'" + std::string(name) + "' cannot name an object: " + why);
  };
  if (name.empty()) return refused("it is empty");
  if (name.size() > Remote::kNameBytesMax) return refused("it is too long");
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    if (part.empty()) return refused("a part of it is empty");
    if (part.size() > Remote::kPartBytesMax) return refused("a part of it is too long");
    if (part == "." || part == "..") return refused("a part of it leads elsewhere");
    for (const char byte : part) {
      const bool is_allowed = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                              (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-';
      if (!is_allowed) return refused("only letters of ASCII, digits, '.', '_' and '-' are taken");
    }
    at = end + 1;
  }
  return {};
}

Result<std::size_t> BytesSource::read_at(std::uint64_t offset_bytes, ByteSpan into) const {
  if (offset_bytes >= bytes_.size()) return std::size_t{0};
  const std::size_t count = std::min<std::size_t>(into.size(), bytes_.size() - offset_bytes);
  std::memcpy(into.data(), bytes_.data() + offset_bytes, count);
  return count;
}

}  // namespace modelfs
