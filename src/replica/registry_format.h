// The object FORMAT of a bucket: that a registry lies there, of which version, and which one it is.
//   modelfs registry
//   version 1
//   id 6f9619ff-8b86-4d01-b42d-00cf4fc964ff
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "store/remote.h"

namespace modelfs {

struct RegistryFormat {
  static constexpr const char* kName = "FORMAT";
  static constexpr std::size_t kBytesMax = 4096;
  static constexpr std::uint64_t kVersion = 1;

  std::string id;  // a UUID4, given at creation and never changed

  std::string str() const;
  // `address` is for messages. InvalidArgument: FORMAT of something else. Unsupported: of a later version.
  static Result<RegistryFormat> parse(const std::string& text, const std::string& address);
};

// NotFound: no registry lies there; says what to do. Else as Remote::get and parse().
Result<RegistryFormat> read_registry_format(Remote& remote, Deadline deadline);
// Makes a registry, or finds the one that is there (`is_new`). The objects of something else are left alone. `id`: of
// the new one; empty: any.
Result<RegistryFormat> init_registry(Remote& remote, Deadline deadline, bool* is_new = nullptr,
                                     const std::string& id = "");

}  // namespace modelfs
