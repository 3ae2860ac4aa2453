#include "cli/duration.h"

#include "base/names.h"

namespace modelfs {

Result<std::uint64_t> seconds_of(const std::string& text) {
  constexpr std::size_t kDigitsMax = 9;
  const std::string digits = text.substr(0, text.size() - (text.empty() ? 0 : 1));
  const std::uint64_t unit = text.ends_with('s')   ? 1
                             : text.ends_with('m') ? 60
                             : text.ends_with('h') ? 3600
                             : text.ends_with('d') ? 86400
                             : text.ends_with('w') ? 7 * 86400
                                                   : 0;
  if (unit == 0 || digits.empty() || digits.size() > kDigitsMax ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    return Status(Code::InvalidArgument, "'" + printable(text) + "' is not a time; write it as 30d, 12h or 90m");
  }
  return std::stoull(digits) * unit;
}

}  // namespace modelfs
