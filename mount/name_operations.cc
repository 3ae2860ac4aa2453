// LOOKUP, FORGET, and the requests that create, move and remove names.
#include <sys/stat.h>

#include <cstdio>
#include <optional>
#include <string>

#include "mount/dispatch.h"
#include "mount/operations.h"

namespace modelfs {
namespace {

void on_lookup(fuse_req_t raw, fuse_ino_t parent, const char* name) {
  answer({raw, FUSE_LOOKUP, parent}, [&](Request request) {
    // A name that is absent is an error, not a node 0: that would be cached.
    const auto found = request.files().lookup(request.caller(), Ino{parent}, name);
    std::move(request).reply(found);
  });
}

void on_forget(fuse_req_t raw, fuse_ino_t node, std::uint64_t references) {
  answer({raw, FUSE_FORGET, node}, [&](Request request) {
    request.files().forget(Ino{node}, references);
    std::move(request).reply_nothing();
  });
}

void on_forget_multi(fuse_req_t raw, std::size_t count, fuse_forget_data* forgets) {
  answer({raw, FUSE_BATCH_FORGET, 0}, [&](Request request) {
    for (std::size_t i = 0; i < count; ++i) request.files().forget(Ino{forgets[i].ino}, forgets[i].nlookup);
    std::move(request).reply_nothing();
  });
}

void on_mkdir(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode) {
  answer_making({raw, FUSE_MKDIR, parent}, parent, [parent, name = std::string(name), mode](Request request) {
    const auto made = request.files().make_directory(request.caller_with_groups(), Ino{parent}, name, mode & 07777);
    std::move(request).reply(made);
  });
}

void on_symlink(fuse_req_t raw, const char* target, fuse_ino_t parent, const char* name) {
  const auto carry_out = [parent, name = std::string(name), target = std::string(target)](Request request) {
    const auto made = request.files().make_symlink(request.caller_with_groups(), Ino{parent}, name, target);
    std::move(request).reply(made);
  };
  answer_making({raw, FUSE_SYMLINK, parent}, parent, carry_out);
}

void on_mknod(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode, dev_t) {
  answer_making({raw, FUSE_MKNOD, parent}, parent, [parent, name = std::string(name), mode](Request request) {
    if ((mode & S_IFMT) != 0 && !S_ISREG(mode)) {
      return std::move(request).reply(Status(Code::NotPermitted, "only files, directories and symlinks are supported"));
    }
    const auto made = request.files().make_file(request.caller(), Ino{parent}, name, mode & 07777);
    std::move(request).reply(made);
  });
}

void on_link(fuse_req_t raw, fuse_ino_t node, fuse_ino_t new_parent, const char* new_name) {
  const auto carry_out = [node, new_parent, name = std::string(new_name)](Request request) {
    const auto made = request.files().link(request.caller(), Ino{node}, Ino{new_parent}, name);
    std::move(request).reply(made);
  };
  answer_making({raw, FUSE_LINK, node}, new_parent, carry_out);
}

void on_unlink(fuse_req_t raw, fuse_ino_t parent, const char* name) {
  answer_committing({raw, FUSE_UNLINK, parent}, parent, [parent, name = std::string(name)](Request request) {
    const Status status = request.files().unlink(request.caller_with_groups(), Ino{parent}, name);
    std::move(request).reply(status);
  });
}

void on_rmdir(fuse_req_t raw, fuse_ino_t parent, const char* name) {
  answer_committing({raw, FUSE_RMDIR, parent}, parent, [parent, name = std::string(name)](Request request) {
    const Status status = request.files().remove_directory(request.caller_with_groups(), Ino{parent}, name);
    std::move(request).reply(status);
  });
}

std::optional<RenameFlag> to_rename_flag(unsigned flags) {
  switch (flags) {
    case 0: return RenameFlag::Replace;
    case RENAME_NOREPLACE: return RenameFlag::NoReplace;
    case RENAME_EXCHANGE: return RenameFlag::Exchange;
    default: return std::nullopt;
  }
}

void on_rename(fuse_req_t raw, fuse_ino_t parent, const char* name, fuse_ino_t new_parent, const char* new_name,
               unsigned flags) {
  const fuse_opcode kind = flags == 0 ? FUSE_RENAME : FUSE_RENAME2;
  answer_later({raw, kind, parent}, [parent, from = std::string(name), new_parent, to = std::string(new_name),
                                     flag = to_rename_flag(flags)](Request request) {
    if (!flag) return std::move(request).reply(Status(Code::Unsupported, "flags of renameat2"));
    const Status status =
        request.files().rename(request.caller_with_groups(), Ino{parent}, from, Ino{new_parent}, to, *flag);
    std::move(request).reply(status);
  });
}

}  // namespace

void add_name_operations(fuse_lowlevel_ops& table) {
  table.lookup = on_lookup;
  table.forget = on_forget;
  table.forget_multi = on_forget_multi;
  table.mkdir = on_mkdir;
  table.symlink = on_symlink;
  table.mknod = on_mknod;
  table.link = on_link;
  table.unlink = on_unlink;
  table.rmdir = on_rmdir;
  table.rename = on_rename;
}

}  // namespace modelfs
