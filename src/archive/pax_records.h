// The records of a pax extended header, validated. Source: POSIX.1-2017, pax, "pax Extended Header".
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Seconds since 1970 and nanoseconds of that second, which count forward before 1970, too.
struct PaxTime {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
};

// The records of a header for one member that matter before the member is read.
struct PaxFacts {
  bool has_path = false;
  bool sparse = false;       // one of GNU's three ways of listing holes
  bool sparse_list = false;  // the third: the list is in front of the content
  std::optional<std::uint64_t> size_bytes;
  std::optional<PaxTime> mtime;
};

// Malformed: not a row of "LENGTH KEY=VALUE\n" that fills the body, the same key twice, or a value with NUL, or no
// number, where a path or number belongs.
Result<PaxFacts> read_pax_records(ByteView body);

// Ok for a header for all members that follow, unless it would change what they are: readers disagree on those.
Status check_global_pax_records(ByteView body);

}  // namespace modelfs
