#include "mount/mount_table.h"

#include <fcntl.h>

#include <sstream>

#include "base/file.h"

namespace modelfs {
namespace {

constexpr std::size_t kTableBytesMax = 64ull << 20;

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes blanks, newlines, backslashes and '#' as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
                         is_octal(text[i + 3]);
    if (!escaped) {
      plain.push_back(text[i]);
      continue;
    }
    plain.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
    i += 3;
  }
  return plain;
}

// "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw": any number of fields before the lone dash.
std::optional<MountedThing> parse_line(const std::string& line) {
  std::istringstream fields(line);
  std::string id, parent, root, field, mount_point, type, source;
  MountedThing thing;
  if (!(fields >> id >> parent >> thing.device >> root >> mount_point)) return std::nullopt;
  while (fields >> field && field != "-") {
  }
  if (!(fields >> type >> source)) return std::nullopt;
  thing.mount_point = unescape(mount_point);
  thing.type = unescape(type);
  thing.source = unescape(source);
  return thing;
}

}  // namespace

std::vector<MountedThing> parse_mount_table(std::string_view text) {
  std::vector<MountedThing> things;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (auto thing = parse_line(line)) things.push_back(std::move(*thing));
  }
  return things;
}

Result<std::optional<MountedThing>> mounted_at(const std::string& mount_point) {
  const auto table = open_at(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY);
  if (!table.ok()) return table.status();
  const auto text = read_all(table->fd(), kTableBytesMax);
  if (!text.ok()) return text.status();
  std::optional<MountedThing> topmost;
  for (MountedThing& thing : parse_mount_table(*text)) {
    if (thing.mount_point == mount_point) topmost = std::move(thing);
  }
  return topmost;
}

}  // namespace modelfs
