#include "base/status.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace modelfs {
namespace {

Code code_of(int error) {
  switch (error) {
    case ENOENT: return Code::NotFound;
    case EEXIST: return Code::AlreadyExists;
    case ENOTDIR: return Code::NotADirectory;
    case EISDIR: return Code::IsADirectory;
    case ENOTEMPTY: return Code::NotEmpty;
    case EINVAL: return Code::InvalidArgument;
    case EILSEQ: return Code::IllegalName;
    case ENAMETOOLONG: return Code::NameTooLong;
    case EROFS: return Code::Immutable;
    case EBUSY: return Code::Busy;
    case ENOSPC:
    case EDQUOT: return Code::NoSpace;
    case EFBIG: return Code::TooLarge;
    case EACCES: return Code::Denied;
    case EPERM: return Code::NotPermitted;
    case EOPNOTSUPP: return Code::Unsupported;
    case ENODATA: return Code::NoAttribute;
    case EBADF: return Code::BadHandle;
    case ESTALE: return Code::Stale;
    case EINTR: return Code::Interrupted;
    default: return Code::IoError;
  }
}

}  // namespace

std::string_view code_name(Code code) {
  switch (code) {
    case Code::Ok: return "ok";
    case Code::NotFound: return "not_found";
    case Code::AlreadyExists: return "already_exists";
    case Code::NotADirectory: return "not_a_directory";
    case Code::IsADirectory: return "is_a_directory";
    case Code::NotEmpty: return "not_empty";
    case Code::InvalidArgument: return "invalid_argument";
    case Code::IllegalName: return "illegal_name";
    case Code::NameTooLong: return "name_too_long";
    case Code::OutOfRange: return "out_of_range";
    case Code::Immutable: return "immutable";
    case Code::Busy: return "busy";
    case Code::Conflict: return "conflict";
    case Code::NoSpace: return "no_space";
    case Code::TooLarge: return "too_large";
    case Code::Denied: return "denied";
    case Code::NotPermitted: return "not_permitted";
    case Code::Unsupported: return "unsupported";
    case Code::NoAttribute: return "no_attribute";
    case Code::BadHandle: return "bad_handle";
    case Code::Stale: return "stale";
    case Code::Interrupted: return "interrupted";
    case Code::Malformed: return "malformed";
    case Code::Corrupt: return "corrupt";
    case Code::IoError: return "io_error";
    case Code::Uncertain: return "uncertain";
    case Code::Unavailable: return "unavailable";
    case Code::Unsettled: return "unsettled";
    case Code::Internal: return "internal";
  }
  return "internal";
}

Status Status::from_errno(int error, std::string_view what) {
  std::array<char, 128> text{};
  // Why strerror_r: strerror shares one buffer between threads. This is the GNU form, which may return its own string.
  const char* reason = strerror_r(error, text.data(), text.size());
  Status status(code_of(error), std::string(what) + ": " + reason);
  status.host_errno_ = error;
  return status;
}

std::string Status::str() const { return std::string(code_name(code_)) + ": " + message_; }

}  // namespace modelfs
