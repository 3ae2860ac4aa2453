#include "registry/events.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace modelfs {

std::string iso_time(TimeNs time) {
  const auto seconds = static_cast<std::time_t>(raw(time) / 1'000'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%09dZ", static_cast<int>(raw(time) % 1'000'000'000));
  return std::string(date.data()) + fraction.data();
}

std::string digest_text(const Digest& digest) { return "sha256:" + digest.hex(); }

void Events::append(std::string_view what, const Fields& fields) {
  nlohmann::ordered_json line;
  line["time"] = iso_time(now());
  line["event"] = what;
  for (const auto& [name, value] : fields) {
    std::visit([&line, key = std::string(name)](const auto& plain) { line[key] = plain; }, value);
  }
  const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";

  const MutexLock lock(mutex_);
  ++counts_[std::string(what)];
  if (dir_ < 0) return;
  Status status = rotate_if_full();
  if (status.ok() && ::write(file_.fd(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    status = Status::from_errno(errno, "append to events");
  }
  if (!status.ok()) log::warn("event lost ({}): {}", status.message(), text);
}

std::map<std::string, std::uint64_t, std::less<>> Events::counts() const {
  const MutexLock lock(mutex_);
  return counts_;
}

std::uint64_t Events::rotation_count() const {
  const MutexLock lock(mutex_);
  return rotation_count_;
}

Status Events::rotate_if_full() {
  struct stat info {};
  if (file_.valid() && ::fstat(file_.fd(), &info) == 0 && static_cast<std::uint64_t>(info.st_size) >= file_bytes_max_) {
    if (::renameat(dir_, kFileName, dir_, kOldFileName) != 0) return Status::from_errno(errno, "rotate events");
    file_.reset();
    ++rotation_count_;
  }
  if (!file_.valid()) {
    auto file = open_at(dir_, kFileName, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (!file.ok()) return file.status();
    file_ = std::move(*file);
  }
  return {};
}

}  // namespace modelfs
