#include "cli/fetch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "base/names.h"
#include "cli/interrupt.h"
#include "cli/sparse_writer.h"
#include "control/copy_content.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

// The daemon closes a connection that is silent for long; a large file can take longer than that.
constexpr auto kKeepAlivePeriod = std::chrono::seconds(60);

// A path that does not leave its root. The daemon is not trusted: it may be another user's.
Status check_inside(const std::string& path) {
  for (const auto& part : std::filesystem::path(path)) {
    if (Status status = check_file_name(part.native()); !status.ok()) return status;
  }
  return {};
}

FileType type_of(const std::string& name) {
  return name == "directory" ? FileType::Directory : name == "symlink" ? FileType::Symlink : FileType::Regular;
}

timespec timespec_of(TimeNs time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = raw(time) / kSecond;
  std::int64_t rest = raw(time) % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  return {static_cast<time_t>(seconds), static_cast<long>(rest)};
}

Status set_times(int directory, const std::string& path, TimeNs mtime) {
  const timespec times[2] = {{0, UTIME_OMIT}, timespec_of(mtime)};
  if (::utimensat(directory, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0) return {};
  return Status::from_errno(errno, "set the time of " + printable(path));
}

std::string without_last_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Status occupied(const std::string& destination) {
  return {Code::AlreadyExists,
          printable(destination) + ": exists and is not an empty directory; name another destination"};
}

Status check_free(const std::string& destination) {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(destination, error);
  if (status.type() == std::filesystem::file_type::not_found) return {};
  if (status.type() == std::filesystem::file_type::directory && std::filesystem::is_empty(destination, error) && !error)
    return {};
  return occupied(destination);
}

}  // namespace

Fetch::~Fetch() {
  if (beside_.empty()) return;
  std::error_code ignored;
  // Directories must be writable before their entries can be removed.
  for (const Item& item : items_) {
    if (item.type != FileType::Directory) continue;
    std::filesystem::permissions(beside_ + "/" + item.path, std::filesystem::perms::owner_all, ignored);
  }
  std::filesystem::remove_all(beside_, ignored);
}

Result<Json> Fetch::run(const std::string& path, bool with_generations, const std::string& destination) {
  const std::string where = without_last_slashes(destination);
  Status status = check_free(where);
  if (status.ok()) status = open_package(path, with_generations);
  if (status.ok()) status = make_beside(where);
  if (status.ok()) status = write_files();
  if (status.ok()) status = write_symlinks();
  if (status.ok()) status = finish_directories();
  if (status.ok()) status = move_to(where);
  if (!status.ok()) return status;
  return std::move(answer_);
}

Status Fetch::open_package(const std::string& path, bool with_generations) {
  auto answer = channel_.call(Channel::request("open", {{"path", path}, {"generations", with_generations}}),
                              [this](Message part) { return take_items(part.body.at("items")); });
  if (!answer.ok()) return answer.status();
  last_call_ = std::chrono::steady_clock::now();
  answer_ = std::move(answer->body);
  // Generations lie in directories named by their number, unless a single one was requested.
  const Json& packages = answer_.at("packages");
  for (Item& item : items_) {
    if (item.package == 0) continue;
    const std::string number = std::to_string(packages.at(item.package).at("generation").get<std::uint64_t>());
    item.path = item.path.empty() ? number : number + "/" + item.path;
  }
  return {};
}

Status Fetch::take_items(const Json& items) {
  for (const Json& entry : items) {
    Item item;
    item.type = type_of(entry.at("type").get<std::string>());
    item.package = entry.at("package").get<std::uint64_t>();
    item.entry = entry.at("entry").get<std::uint64_t>();
    item.path = entry.at("path").get<std::string>();
    item.mode =
        static_cast<std::uint32_t>(std::strtoul(entry.at("mode").get<std::string>().c_str(), nullptr, 8)) & 0777;
    item.mtime = TimeNs{entry.at("mtime_ns").get<std::int64_t>()};
    if (item.type == FileType::Symlink) item.target = entry.at("target").get<std::string>();
    if (item.type == FileType::Regular) {
      item.size_bytes = entry.at("size").get<std::uint64_t>();
      item.is_sparse = entry.at("allocated").get<std::uint64_t>() < item.size_bytes;
      item.digest = entry.at("digest").get<std::string>();
      item.same_file = entry.value("hardlink_group", std::uint64_t{0});
      total_bytes_ += item.size_bytes;
    }
    if (Status status = check_inside(item.path); !status.ok()) return status;
    items_.push_back(std::move(item));
  }
  return check_interrupt();
}

// In the same directory, so that the last step is a rename.
Status Fetch::make_beside(const std::string& destination) {
  const std::filesystem::path path(destination);
  std::string pattern = (path.parent_path() / ".modelfs-get-XXXXXX").native();
  if (::mkdtemp(pattern.data()) == nullptr)
    return Status::from_errno(errno, "make a directory beside " + printable(destination));
  beside_ = pattern;
  auto directory = open_at(AT_FDCWD, beside_, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.status();
  directory_ = *std::move(directory);
  return {};
}

// Symlinks are created last: while files are written, none can lead elsewhere.
Status Fetch::write_files() {
  std::map<std::pair<std::uint64_t, std::uint64_t>, const Item*> first_names;
  for (const Item& item : items_) {
    if (Status status = check_interrupt(); !status.ok()) return status;
    if (item.type == FileType::Directory && !item.path.empty()) {
      if (::mkdirat(directory_.fd(), item.path.c_str(), 0700) != 0)
        return Status::from_errno(errno, "make " + printable(item.path));
    }
    if (item.type != FileType::Regular) continue;
    if (item.same_file != 0) {
      const auto [first, fresh] = first_names.try_emplace({item.package, item.same_file}, &item);
      if (!fresh) {
        if (::linkat(directory_.fd(), first->second->path.c_str(), directory_.fd(), item.path.c_str(), 0) != 0) {
          return Status::from_errno(errno, "link " + printable(item.path));
        }
        done_bytes_ += item.size_bytes;
        continue;
      }
    }
    if (Status status = write_file(item); !status.ok()) {
      if (status.code() == Code::Interrupted) return status;
      return {status.code(), printable(item.path) + ": " + status.message()};
    }
  }
  return {};
}

Status Fetch::write_file(const Item& item) {
  const auto file = open_at(directory_.fd(), item.path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!file.ok()) return file.status();
  SparseWriter writer(file->fd(), item.is_sparse ? Zeros::LeaveOut : Zeros::Write);
  if (Status status = copy_bytes(item, writer); !status.ok()) return status;
  const auto digest = writer.finish();
  if (!digest.ok()) return digest.status();
  if (writer.size_bytes() != item.size_bytes || "sha256:" + digest->hex() != item.digest) {
    return {Code::Corrupt, "what was read is not what was published; `modelfs verify` lists what is damaged"};
  }
  if (::fchmod(file->fd(), item.mode) != 0) return Status::from_errno(errno, "set the mode");
  const timespec times[2] = {{0, UTIME_OMIT}, timespec_of(item.mtime)};
  if (::futimens(file->fd(), times) != 0) return Status::from_errno(errno, "set the time");
  return {};
}

Status Fetch::copy_bytes(const Item& item, SparseWriter& into) {
  File lent;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kCopyChunkBytes);
  while (into.size_bytes() < item.size_bytes) {
    ByteView bytes;
    Message answer;
    if (lent.valid()) {
      const auto got = read_at(lent.fd(), into.size_bytes(), ByteSpan(buffer.get(), kCopyChunkBytes));
      if (!got.ok()) return got.status();
      bytes = ByteView(buffer.get(), *got);
      if (Status status = keep_alive(); !status.ok()) return status;
    } else {
      auto read = channel_.call(
          Channel::request("read", {{"package", item.package}, {"entry", item.entry}, {"offset", into.size_bytes()}}));
      if (!read.ok()) return read.status();
      last_call_ = std::chrono::steady_clock::now();
      answer = *std::move(read);
      if (!answer.descriptors.empty()) {
        lent = std::move(answer.descriptors.front());
        continue;
      }
      bytes = bytes_of(answer.bytes);
    }
    if (bytes.empty() || bytes.size() > item.size_bytes - into.size_bytes())
      break;  // the hash will not be right either
    if (Status status = into.append(bytes); !status.ok()) return status;
    done_bytes_ += bytes.size();
    if (Status status = on_progress_(done_bytes_, total_bytes_); !status.ok()) return status;
  }
  return {};
}

Status Fetch::keep_alive() {
  const auto moment = std::chrono::steady_clock::now();
  if (moment - last_call_ < kKeepAlivePeriod) return {};
  last_call_ = moment;
  return channel_.call(Channel::request("hello", {{"protocol", kProtocolVersion}})).status();
}

Status Fetch::write_symlinks() {
  for (const Item& item : items_) {
    if (item.type != FileType::Symlink) continue;
    if (::symlinkat(item.target.c_str(), directory_.fd(), item.path.c_str()) != 0) {
      return Status::from_errno(errno, "make " + printable(item.path));
    }
    if (Status status = set_times(directory_.fd(), item.path, item.mtime); !status.ok()) return status;
  }
  return {};
}

// From the leaves up, because creating an entry changes a directory's time, and its mode may forbid creating any.
Status Fetch::finish_directories() {
  // Before the rename: if the machine crashes later, the destination is complete.
  if (::syncfs(directory_.fd()) != 0) return Status::from_errno(errno, "sync what was written");
  for (auto item = items_.rbegin(); item != items_.rend(); ++item) {
    if (item->type != FileType::Directory || item->path.empty()) continue;
    if (::fchmodat(directory_.fd(), item->path.c_str(), item->mode, 0) != 0) {
      return Status::from_errno(errno, "set the mode of " + printable(item->path));
    }
    if (Status status = set_times(directory_.fd(), item->path, item->mtime); !status.ok()) return status;
  }
  return {};
}

Status Fetch::move_to(const std::string& destination) {
  if (Status status = check_interrupt(); !status.ok()) return status;
  const Item& root = items_.front();
  // The root's own are set last, and its mode before the rename, so that it never shows a wrong mode.
  if (::fchmod(directory_.fd(), root.mode) != 0)
    return Status::from_errno(errno, "set the mode of " + printable(destination));
  if (::rename(beside_.c_str(), destination.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST) return occupied(destination);
    return Status::from_errno(errno, "rename to " + printable(destination));
  }
  beside_.clear();
  const timespec times[2] = {{0, UTIME_OMIT}, timespec_of(root.mtime)};
  if (::futimens(directory_.fd(), times) != 0)
    return Status::from_errno(errno, "set the time of " + printable(destination));
  return {};
}

}  // namespace modelfs
