// Open directories: from OPENDIR to RELEASEDIR.
#include <string>
#include <vector>

#include "mount/convert.h"
#include "mount/dispatch.h"
#include "mount/operations.h"

namespace modelfs {
namespace {

void on_opendir(fuse_req_t raw, fuse_ino_t node, fuse_file_info*) {
  answer({raw, FUSE_OPENDIR, node}, [&](Request request) {
    const auto opened = request.files().open_directory(request.caller(), Ino{node});
    std::move(request).reply(opened);
  });
}

void on_readdir(fuse_req_t raw, fuse_ino_t node, std::size_t room_bytes, off_t offset, fuse_file_info* file) {
  answer({raw, FUSE_READDIR, node}, [&](Request request) {
    std::vector<char> buffer(room_bytes);
    std::size_t used_bytes = 0;
    const auto add = [&](const ListedName& listed) {
      const struct stat info = to_stat(listed);
      const std::string name(listed.name);
      const std::size_t left_bytes = room_bytes - used_bytes;
      const std::size_t needed_bytes = fuse_add_direntry(raw, buffer.data() + used_bytes, left_bytes, name.c_str(),
                                                         &info, static_cast<off_t>(listed.next_offset));
      if (needed_bytes > left_bytes) return false;  // it was not added
      used_bytes += needed_bytes;
      return true;
    };
    const Status status = request.files().list(Handle{file->fh}, static_cast<std::uint64_t>(offset), add);
    if (!status.ok()) return std::move(request).reply(status);
    std::move(request).reply_bytes(bytes_of({buffer.data(), used_bytes}));
  });
}

void on_releasedir(fuse_req_t raw, fuse_ino_t node, fuse_file_info* file) {
  answer({raw, FUSE_RELEASEDIR, node}, [&](Request request) {
    request.files().release_directory(Handle{file->fh});
    std::move(request).reply(Status());
  });
}

void on_fsyncdir(fuse_req_t raw, fuse_ino_t node, int, fuse_file_info* file) {
  answer_later({raw, FUSE_FSYNCDIR, node}, [handle = Handle{file->fh}](Request request) {
    const Status status = request.files().sync_directory(handle);
    std::move(request).reply(status);
  });
}

}  // namespace

void add_directory_operations(fuse_lowlevel_ops& table) {
  table.opendir = on_opendir;
  table.readdir = on_readdir;
  table.releasedir = on_releasedir;
  table.fsyncdir = on_fsyncdir;
}

}  // namespace modelfs
