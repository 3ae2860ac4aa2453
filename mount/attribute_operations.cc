// GETATTR, SETATTR, READLINK, STATFS and the extended attributes.
#include <sys/xattr.h>

#include <string>

#include "mount/convert.h"
#include "mount/dispatch.h"
#include "mount/operations.h"

namespace modelfs {
namespace {

void on_getattr(fuse_req_t raw, fuse_ino_t node, fuse_file_info*) {
  answer({raw, FUSE_GETATTR, node}, [&](Request request) {
    const auto attributes = request.files().stat(request.caller(), Ino{node});
    std::move(request).reply(attributes);
  });
}

void on_setattr(fuse_req_t raw, fuse_ino_t node, struct stat* wanted, int to_set, fuse_file_info* file) {
  const Change change = to_change(*wanted, to_set, file);
  answer({raw, FUSE_SETATTR, node}, [node, change](Request request) {
    if (!request.files().may_block_setattr(Ino{node}, change)) {
      const auto attributes = request.files().setattr(request.caller(), Ino{node}, change);
      return std::move(request).reply(attributes);
    }
    answer_later(std::move(request), [node, change](Request accepted) {
      const auto attributes = accepted.files().setattr(accepted.caller_with_groups(), Ino{node}, change);
      std::move(accepted).reply(attributes);
    });
  });
}

void on_readlink(fuse_req_t raw, fuse_ino_t node) {
  answer({raw, FUSE_READLINK, node}, [&](Request request) {
    const auto target = request.files().read_link(Ino{node});
    std::move(request).reply_target(target);
  });
}

void on_statfs(fuse_req_t raw, fuse_ino_t node) {
  answer({raw, FUSE_STATFS, node}, [&](Request request) {
    const auto space = request.files().space();
    std::move(request).reply(space);
  });
}

void on_getxattr(fuse_req_t raw, fuse_ino_t node, const char* name, std::size_t room_bytes) {
  answer({raw, FUSE_GETXATTR, node}, [&](Request request) {
    const auto value = request.files().getxattr(request.caller(), Ino{node}, name);
    std::move(request).reply_attribute(value, room_bytes);
  });
}

// Names as listxattr(2) wants them: each with a NUL behind it.
Result<std::string> joined(const Result<std::vector<std::string>>& names) {
  if (!names.ok()) return names.status();
  std::string all;
  for (const std::string& name : *names) all.append(name).push_back('\0');
  return all;
}

void on_listxattr(fuse_req_t raw, fuse_ino_t node, std::size_t room_bytes) {
  answer({raw, FUSE_LISTXATTR, node}, [&](Request request) {
    const auto names = joined(request.files().listxattr(Ino{node}));
    std::move(request).reply_attribute(names, room_bytes);
  });
}

AttributeMode to_attribute_mode(int flags) {
  if ((flags & XATTR_CREATE) != 0) return AttributeMode::Create;
  if ((flags & XATTR_REPLACE) != 0) return AttributeMode::Replace;
  return AttributeMode::Set;
}

void on_setxattr(fuse_req_t raw, fuse_ino_t node, const char* name, const char* value, std::size_t size_bytes,
                 int flags) {
  answer_later({raw, FUSE_SETXATTR, node}, [node, name = std::string(name), value = std::string(value, size_bytes),
                                            mode = to_attribute_mode(flags)](Request request) {
    const Status status = request.files().setxattr(request.caller_with_groups(), Ino{node}, name, value, mode);
    std::move(request).reply(status);
  });
}

void on_removexattr(fuse_req_t raw, fuse_ino_t node, const char* name) {
  answer_committing({raw, FUSE_REMOVEXATTR, node}, node, [node, name = std::string(name)](Request request) {
    const Status status = request.files().removexattr(request.caller(), Ino{node}, name);
    std::move(request).reply(status);
  });
}

}  // namespace

void add_attribute_operations(fuse_lowlevel_ops& table) {
  table.getattr = on_getattr;
  table.setattr = on_setattr;
  table.readlink = on_readlink;
  table.statfs = on_statfs;
  table.getxattr = on_getxattr;
  table.listxattr = on_listxattr;
  table.setxattr = on_setxattr;
  table.removexattr = on_removexattr;
}

}  // namespace modelfs
