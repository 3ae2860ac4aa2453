// The floor of what a daemon can do: a directory of COUNT files of 4 KiB, called 0, 1 ..., that the kernel believes for
// long. An open is answered at once, and the pages stay. What a file system takes longer is its own work.
//
// empty_daemon COUNT MOUNT_POINT
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr std::size_t kFileBytes = 4096;
constexpr double kForeverSeconds = 86400;
constexpr fuse_ino_t kFirstFile = 2;
fuse_ino_t file_count = 0;

struct stat attributes_of(fuse_ino_t node) {
  struct stat info {};
  info.st_ino = node;
  info.st_nlink = 1;
  info.st_mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0444;
  info.st_size = node == FUSE_ROOT_ID ? 0 : kFileBytes;
  return info;
}

void on_init(void*, fuse_conn_info* connection) { connection->want &= ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ); }

void on_lookup(fuse_req_t request, fuse_ino_t, const char* name) {
  fuse_ino_t number = 0;
  const std::string_view text(name);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number >= file_count) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  fuse_entry_param entry{};
  entry.ino = kFirstFile + number;
  entry.attr = attributes_of(entry.ino);
  entry.attr_timeout = entry.entry_timeout = kForeverSeconds;
  fuse_reply_entry(request, &entry);
}

void on_getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  const struct stat info = attributes_of(node);
  fuse_reply_attr(request, &info, kForeverSeconds);
}

void on_open(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
  file->keep_cache = 1;
  file->noflush = 1;
  fuse_reply_open(request, file);
}

void on_read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info*) {
  static constexpr std::array<char, kFileBytes> kBytes{};
  const std::size_t at = std::min(static_cast<std::size_t>(offset), kFileBytes);
  fuse_reply_buf(request, kBytes.data() + at, std::min(size, kFileBytes - at));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  file_count = std::strtoull(argv[1], nullptr, 10);
  fuse_lowlevel_ops table{};
  table.init = on_init;
  table.lookup = on_lookup;
  table.getattr = on_getattr;
  table.open = on_open;
  table.read = on_read;
  std::array<char*, 3> arguments = {argv[0], const_cast<char*>("-o"),
                                    const_cast<char*>("fsname=empty,default_permissions")};
  fuse_args args{.argc = static_cast<int>(arguments.size()), .argv = arguments.data(), .allocated = 0};
  fuse_session* const session = fuse_session_new(&args, &table, sizeof table, nullptr);
  if (session == nullptr || fuse_session_mount(session, argv[2]) != 0) return 1;
  fuse_set_signal_handlers(session);
  fuse_loop_config* const loop = fuse_loop_cfg_create();
  const int error = fuse_session_loop_mt(session, loop);
  fuse_loop_cfg_destroy(loop);
  fuse_session_unmount(session);
  fuse_session_destroy(session);
  return error < 0 ? 1 : 0;
}
