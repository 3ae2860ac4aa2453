#include "os/mountinfo.h"

#include <fcntl.h>

#include <optional>
#include <sstream>

#include "base/file.h"

namespace modelfs {
namespace {

constexpr std::size_t kTableBytesMax = 64ull << 20;

// Of options as "rw,noatime" or "ro,noatime".
bool says_read_only(std::string_view options) { return options.substr(0, options.find(',')) == "ro"; }

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes blanks, newlines, backslashes and '#' as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
                         is_octal(text[i + 3]);
    if (!escaped) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

// "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw": any number of fields before the lone dash.
std::optional<Mount> parse_line(const std::string& line) {
  std::istringstream fields(line);
  std::string root, mount_point, options, field, type, source, super_options;
  Mount mount;
  if (!(fields >> mount.id >> mount.parent >> mount.device >> root >> mount_point)) return std::nullopt;
  fields >> options;
  while (fields >> field && field != "-") mount.propagation.push_back(field);
  if (!(fields >> type >> source)) return std::nullopt;
  fields >> super_options;
  mount.is_read_only = says_read_only(options) || says_read_only(super_options);
  mount.root = unescape(root);
  mount.mount_point = unescape(mount_point);
  mount.type = unescape(type);
  mount.source = unescape(source);
  mount.options = unescape(super_options);
  return mount;
}

bool lies_under(std::string_view path, std::string_view mount_point) {
  if (mount_point == "/") return path.starts_with('/');
  return path.starts_with(mount_point) && (path.size() == mount_point.size() || path[mount_point.size()] == '/');
}

}  // namespace

std::vector<Mount> parse_mounts(std::string_view text) {
  std::vector<Mount> table;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (auto mount = parse_line(line)) table.push_back(*std::move(mount));
  }
  return table;
}

Result<std::vector<Mount>> read_mounts() { return read_mounts_of("self"); }

Result<std::vector<Mount>> read_mounts_of(const std::string& process) {
  const auto file = open_at(AT_FDCWD, "/proc/" + process + "/mountinfo", O_RDONLY);
  if (!file.ok()) return file.status();
  const auto text = read_all(file->fd(), kTableBytesMax);
  if (!text.ok()) return text.status();
  return parse_mounts(*text);
}

const Mount* mount_of(const std::vector<Mount>& table, std::string_view path) {
  const Mount* found = nullptr;
  for (const Mount& mount : table) {
    if (!lies_under(path, mount.mount_point)) continue;
    if (found == nullptr || mount.mount_point.size() >= found->mount_point.size()) found = &mount;
  }
  return found;
}

}  // namespace modelfs
