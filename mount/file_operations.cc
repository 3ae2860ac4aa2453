// Open files: from OPEN and CREATE to RELEASE.
#include <fcntl.h>

#include <string>
#include <vector>

#include "mount/dispatch.h"
#include "mount/operations.h"

namespace modelfs {
namespace {

bool may_change(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0; }

void on_open(fuse_req_t raw, fuse_ino_t node, fuse_file_info* file) {
  const auto carry_out = [node, flags = file->flags](Request request) {
    const auto opened = request.files().open(request.caller(), Ino{node}, flags);
    std::move(request).reply(opened);
  };
  Request request(raw, FUSE_OPEN, node);
  if (may_change(file->flags) || request.files().may_block_open(Ino{node})) {
    return answer_later(std::move(request), carry_out);
  }
  answer(std::move(request), carry_out);
}

void on_create(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode, fuse_file_info* file) {
  const auto carry_out = [parent, name = std::string(name), mode, flags = file->flags](Request request) {
    const auto created = request.files().create(request.caller(), Ino{parent}, name, mode & 07777, flags);
    std::move(request).reply(created);
  };
  answer_making({raw, FUSE_CREATE, parent}, parent, carry_out);
}

void on_read(fuse_req_t raw, fuse_ino_t node, std::size_t size_bytes, off_t offset, fuse_file_info* file) {
  const auto carry_out = [handle = Handle{file->fh}, size_bytes, offset](Request request) {
    // Kept by each thread: the pages of a new one would have to be found and cleared for every read. The kernel bounds
    // size_bytes by kRequestBytesMax.
    thread_local std::vector<std::byte> buffer;
    if (buffer.size() < size_bytes) buffer.resize(size_bytes);
    MappedSpans lent;
    const auto got =
        request.files().read(handle, static_cast<std::uint64_t>(offset), ByteSpan(buffer.data(), size_bytes), lent);
    if (!got.ok()) return std::move(request).reply(got.status());
    const ByteView bytes(buffer.data(), *got);
    if (lent.parts().empty()) return std::move(request).reply_bytes(bytes);
    std::move(request).reply_bytes(bytes, lent);
  };
  Request request(raw, FUSE_READ, node);
  const auto place = static_cast<std::uint64_t>(offset);
  if (request.files().may_block_read(Handle{file->fh}, place, size_bytes)) {
    return answer_later(std::move(request), carry_out);
  }
  answer(std::move(request), carry_out);
}

void on_write(fuse_req_t raw, fuse_ino_t node, const char* bytes, std::size_t size_bytes, off_t offset,
              fuse_file_info* file) {
  const auto carry_out = [handle = Handle{file->fh}, offset](Request request, std::string_view data) {
    const auto written =
        request.files().write(request.caller(), handle, static_cast<std::uint64_t>(offset), bytes_of(data));
    std::move(request).reply_written(written);
  };
  Request request(raw, FUSE_WRITE, node);
  if (request.files().may_block_write(Handle{file->fh})) {
    return answer_later(std::move(request), [carry_out, data = std::string(bytes, size_bytes)](Request accepted) {
      carry_out(std::move(accepted), data);
    });
  }
  answer(std::move(request), [&](Request accepted) { carry_out(std::move(accepted), {bytes, size_bytes}); });
}

void on_copy_file_range(fuse_req_t raw, fuse_ino_t node, off_t from_offset, fuse_file_info* from, fuse_ino_t,
                        off_t to_offset, fuse_file_info* to, std::size_t size_bytes, int flags) {
  answer_later({raw, FUSE_COPY_FILE_RANGE, node}, [source = Handle{from->fh}, from_offset, target = Handle{to->fh},
                                                   to_offset, size_bytes, flags](Request request) {
    if (flags != 0) return std::move(request).reply(Status(Code::InvalidArgument, "flags of copy_file_range"));
    const auto copied = request.files().copy(source, static_cast<std::uint64_t>(from_offset), target,
                                             static_cast<std::uint64_t>(to_offset), size_bytes);
    std::move(request).reply_written(copied);
  });
}

void on_flush(fuse_req_t raw, fuse_ino_t node, fuse_file_info* file) {
  const Handle handle{file->fh};
  Request request(raw, FUSE_FLUSH, node);
  if (request.files().may_block_flush(handle)) {
    return answer_later(std::move(request), [handle](Request accepted) {
      const Status status = accepted.files().flush(accepted.caller_with_groups(), handle);
      std::move(accepted).reply(status);
    });
  }
  answer(std::move(request), [&](Request accepted) {
    const Status status = accepted.files().flush(accepted.caller(), handle);
    std::move(accepted).reply(status);
  });
}

void on_release(fuse_req_t raw, fuse_ino_t node, fuse_file_info* file) {
  answer({raw, FUSE_RELEASE, node}, [&](Request request) {
    request.files().release(Handle{file->fh});
    std::move(request).reply(Status());
  });
}

void on_fsync(fuse_req_t raw, fuse_ino_t node, int, fuse_file_info* file) {
  answer_later({raw, FUSE_FSYNC, node}, [handle = Handle{file->fh}](Request request) {
    const Status status = request.files().sync(handle);
    std::move(request).reply(status);
  });
}

void on_fallocate(fuse_req_t raw, fuse_ino_t node, int mode, off_t offset, off_t length, fuse_file_info* file) {
  const auto carry_out = [handle = Handle{file->fh}, mode, offset, length](Request request) {
    const Status status =
        request.files().allocate(handle, mode, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(length));
    std::move(request).reply(status);
  };
  Request request(raw, FUSE_FALLOCATE, node);
  if (request.files().may_block_write(Handle{file->fh})) return answer_later(std::move(request), carry_out);
  answer(std::move(request), carry_out);
}

void on_lseek(fuse_req_t raw, fuse_ino_t node, off_t offset, int whence, fuse_file_info* file) {
  answer({raw, FUSE_LSEEK, node}, [&](Request request) {
    const auto found = request.files().seek(Handle{file->fh}, static_cast<std::uint64_t>(offset), whence);
    std::move(request).reply_offset(found);
  });
}

}  // namespace

void add_file_operations(fuse_lowlevel_ops& table) {
  table.open = on_open;
  table.create = on_create;
  table.read = on_read;
  table.write = on_write;
  table.flush = on_flush;
  table.release = on_release;
  table.fsync = on_fsync;
  table.fallocate = on_fallocate;
  table.lseek = on_lseek;
  table.copy_file_range = on_copy_file_range;
}

}  // namespace modelfs
