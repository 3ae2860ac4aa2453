#include "mount/errno.h"

#include <cerrno>

namespace modelfs {
namespace {

int errno_of(Code code) {
  switch (code) {
    case Code::Ok: return 0;
    case Code::NotFound: return ENOENT;
    case Code::AlreadyExists: return EEXIST;
    case Code::NotADirectory: return ENOTDIR;
    case Code::IsADirectory: return EISDIR;
    case Code::NotEmpty: return ENOTEMPTY;
    case Code::InvalidArgument: return EINVAL;
    case Code::IllegalName: return EILSEQ;
    case Code::NameTooLong: return ENAMETOOLONG;
    case Code::OutOfRange: return ERANGE;
    case Code::Immutable: return EROFS;
    case Code::Busy: return EBUSY;
    case Code::Conflict: return EAGAIN;
    case Code::NoSpace: return ENOSPC;
    case Code::TooLarge: return EFBIG;
    case Code::Denied: return EACCES;
    case Code::NotPermitted: return EPERM;
    case Code::Unsupported: return EOPNOTSUPP;
    case Code::NoAttribute: return ENODATA;
    case Code::BadHandle: return EBADF;
    case Code::Stale: return ESTALE;
    case Code::Interrupted: return EINTR;
    case Code::Malformed: return EBADMSG;
    case Code::Unavailable: return EHOSTUNREACH;
    case Code::Unsettled: return ETIMEDOUT;
    case Code::Corrupt:
    case Code::IoError:
    case Code::Uncertain:
    case Code::Internal: return EIO;
  }
  return EIO;  // not reached with a valid Code
}

}  // namespace

int to_errno(const Status& status) {
  if (status.ok()) return 0;
  if (status.host_errno() == ENOSYS) return EOPNOTSUPP;
  // It is not the caller that has too many files open.
  if (status.host_errno() == EMFILE) return ENFILE;
  return status.host_errno() != 0 ? status.host_errno() : errno_of(status.code());
}

bool is_our_failure(Code code) {
  return code == Code::Corrupt || code == Code::IoError || code == Code::Uncertain || code == Code::Internal;
}

}  // namespace modelfs
