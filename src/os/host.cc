#include "os/host.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/file.h"
#include "base/names.h"

namespace modelfs {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string program_of(pid_t pid) {
  if (pid <= 0) return "";
  const auto file = open_at(AT_FDCWD, "/proc/" + std::to_string(pid) + "/comm", O_RDONLY);
  if (!file.ok()) return "";
  const auto text = read_all(file->fd(), 64);
  return text.ok() ? printable(text->substr(0, text->find('\n'))) : "";
}

}  // namespace modelfs
