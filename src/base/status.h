// The result of a call that has no value to return: a Code for programs, a sentence for people.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace modelfs {

enum class Code : std::uint8_t {
  Ok,
  NotFound,
  AlreadyExists,
  NotADirectory,
  IsADirectory,
  NotEmpty,
  InvalidArgument,
  IllegalName,  // not valid UTF-8
  NameTooLong,
  OutOfRange,  // a generation number that is not the next one
  Immutable,   // committed bytes or names
  Busy,
  Conflict,  // an expectation of a Batch did not hold; never leaves the registry
  NoSpace,
  TooLarge,
  Denied,        // the owner and mode forbid it
  NotPermitted,  // it is not allowed for any user
  Unsupported,
  NoAttribute,
  BadHandle,
  Stale,
  Interrupted,
  Malformed,  // content that does not parse, or may not be published
  Corrupt,
  IoError,
  Internal,
  Uncertain,    // a disk failed, and whether the change took place is not known before it can be read again
  Unavailable,  // a host that is needed could not be reached; nothing was changed
  Unsettled,    // a host that decides could not be asked in time whether the change took place; it will be known later
};

// The stable lower-case name of a Code, for JSON and logs ("not_found").
std::string_view code_name(Code code);

// Code and message; a Status that stems from a system call also carries its errno, unchanged.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  // The Status of a failed system call. `what` names the operation and the thing, e.g. "open drafts/1f".
  // `error` is an errno value above 0.
  static Status from_errno(int error, std::string_view what);

  bool ok() const { return code_ == Code::Ok; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  // The errno of the system call that failed, or 0 where the Code alone decides.
  int host_errno() const { return host_errno_; }
  // "not_found: no release 1.2.0 in churn": for logs.
  std::string str() const;

 private:
  Code code_ = Code::Ok;
  int host_errno_ = 0;
  std::string message_;
};

// A value, or the Status that says why not. Dereferencing a Result that is not ok() is a bug.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {}

  bool ok() const { return state_.index() == 0; }
  // Ok for a value.
  Status status() const { return ok() ? Status() : std::get<1>(state_); }
  Code code() const { return ok() ? Code::Ok : std::get<1>(state_).code(); }

  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace modelfs
