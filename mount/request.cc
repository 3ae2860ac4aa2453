#include "mount/request.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/names.h"
#include "mount/convert.h"
#include "mount/errno.h"
#include "mount/passthrough.h"

namespace modelfs {

Request::~Request() {
  if (raw_ != nullptr) {
    log::error("{} of node {} was dropped unanswered", RequestMetrics::name_of(kind_), node_);
    refuse(EIO);
  }
  // Why counted here: writing the answer is a good part of a large read.
  if (counts_ != nullptr) counts_->answered(kind_, error_, std::chrono::steady_clock::now() - begun_);
}

Credentials Request::caller() const {
  const fuse_ctx& context = *fuse_req_ctx(raw_);
  return {.uid = context.uid, .gid = context.gid, .pid = context.pid, .groups = {}};
}

Credentials Request::caller_with_groups() const {
  Credentials who = caller();
  std::vector<gid_t> groups(64);
  int count = fuse_req_getgroups(raw_, static_cast<int>(groups.size()), groups.data());
  if (count > static_cast<int>(groups.size())) {
    groups.resize(static_cast<std::size_t>(count));
    count = std::min(count, fuse_req_getgroups(raw_, count, groups.data()));
  }
  // Why not refuse: the caller may be gone already, or be in a pid namespace that we do not see; it then counts as a
  // member of no other group.
  groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  who.groups = std::move(groups);
  return who;
}

void Request::refuse(const Status& status) {
  if (is_our_failure(status.code())) {
    log::error("{} of node {}: {}", RequestMetrics::name_of(kind_), node_, printable(status.str()));
  }
  refuse(to_errno(status));
}

void Request::refuse(int error) {
  error_ = error;
  fuse_reply_err(take(), error);
}

void Request::reply(const Status& status) && {
  if (!status.ok()) return refuse(status);
  fuse_reply_err(take(), 0);
}

void Request::reply(const Result<Entry>& found) && {
  if (!found.ok()) return refuse(found.status());
  FileSystem& fs = files();
  const fuse_entry_param entry = to_entry_param(*found);
  if (fuse_reply_entry(take(), &entry) != 0) fs.forget(found->key(), 1);
}

void Request::reply(const Result<Attributes>& attributes) && {
  if (!attributes.ok()) return refuse(attributes.status());
  const struct stat info = to_stat(*attributes);
  fuse_reply_attr(take(), &info, attributes->valid_seconds);
}

void Request::reply(const Result<Opened>& opened) && {
  if (!opened.ok()) return refuse(opened.status());
  FileSystem& fs = files();
  const fuse_file_info file = to_file_info(*opened);
  const bool is_lent = opened->backing != kNoBacking;
  const int error = is_lent ? reply_lent(take(), *opened) : fuse_reply_open(take(), &file);
  if (error != 0) fs.release(opened->handle);
}

void Request::reply(const Result<FileSystem::Created>& created) && {
  if (!created.ok()) return refuse(created.status());
  FileSystem& fs = files();
  const fuse_entry_param entry = to_entry_param(created->entry);
  const fuse_file_info file = to_file_info(created->opened);
  if (fuse_reply_create(take(), &entry, &file) == 0) return;
  fs.release(created->opened.handle);
  fs.forget(created->entry.key(), 1);
}

void Request::reply(const Result<SpaceFigures>& space) && {
  if (!space.ok()) return refuse(space.status());
  const struct statvfs info = to_statvfs(*space);
  fuse_reply_statfs(take(), &info);
}

void Request::reply(const Result<OpenedDirectory>& opened) && {
  if (!opened.ok()) return refuse(opened.status());
  FileSystem& fs = files();
  fuse_file_info file{};
  file.fh = raw(opened->handle);
  file.cache_readdir = opened->keeps_listing ? 1 : 0;
  file.keep_cache = file.cache_readdir;
  if (fuse_reply_open(take(), &file) != 0) fs.release_directory(opened->handle);
}

void Request::reply_bytes(ByteView bytes) && {
  fuse_reply_buf(take(), reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void Request::reply_bytes(ByteView bytes, const MappedSpans& lent) && {
  std::vector<iovec> parts;
  const auto add = [&parts](const std::byte* from, std::size_t size_bytes) {
    if (size_bytes > 0) parts.push_back({const_cast<std::byte*>(from), size_bytes});
  };
  const std::byte* at = bytes.data();
  for (const MappedSpans::Part& part : lent.parts()) {
    add(at, static_cast<std::size_t>(part.place - at));
    add(part.range.bytes.data(), part.range.bytes.size());
    at = part.place + part.range.bytes.size();
  }
  add(at, static_cast<std::size_t>(bytes.data() + bytes.size() - at));
  fuse_reply_iov(take(), parts.data(), static_cast<int>(parts.size()));
}

void Request::reply_written(const Result<std::size_t>& size_bytes) && {
  if (!size_bytes.ok()) return refuse(size_bytes.status());
  fuse_reply_write(take(), *size_bytes);
}

void Request::reply_offset(const Result<std::uint64_t>& offset_bytes) && {
  if (!offset_bytes.ok()) return refuse(offset_bytes.status());
  fuse_reply_lseek(take(), static_cast<off_t>(*offset_bytes));
}

void Request::reply_target(const Result<std::string>& target) && {
  if (!target.ok()) return refuse(target.status());
  fuse_reply_readlink(take(), target->c_str());
}

void Request::reply_attribute(const Result<std::string>& value, std::size_t room_bytes) && {
  if (!value.ok()) return refuse(value.status());
  if (room_bytes == 0) {
    fuse_reply_xattr(take(), value->size());
  } else if (value->size() > room_bytes) {
    refuse(ERANGE);
  } else {
    fuse_reply_buf(take(), value->data(), value->size());
  }
}

void Request::reply_nothing() && { fuse_reply_none(take()); }

}  // namespace modelfs
