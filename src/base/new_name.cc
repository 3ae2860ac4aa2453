#include "base/new_name.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "base/names.h"
#include "base/utf8.h"

namespace modelfs {
namespace {

struct Range {
  char32_t first = 0;
  char32_t last = 0;
};

// In order. Source: DerivedCoreProperties.txt of Unicode 15.0 (Default_Ignorable_Code_Point), and categories Zs, Zl,
// Zp; U+2800 is the empty pattern of Braille.
constexpr std::array<Range, 21> kInvisible = {
    {{0x00a0, 0x00a0},   {0x00ad, 0x00ad},   {0x034f, 0x034f},  {0x061c, 0x061c}, {0x115f, 0x1160}, {0x1680, 0x1680},
     {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x2000, 0x200f},  {0x2028, 0x202f}, {0x205f, 0x206f}, {0x2800, 0x2800},
     {0x3000, 0x3000},   {0x3164, 0x3164},   {0xfe00, 0xfe0f},  {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfff8},
     {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}}};

// Of one valid sequence.
char32_t code_point(std::string_view sequence) {
  static constexpr std::array<unsigned, 5> kLead = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t code = static_cast<unsigned char>(sequence.front()) & kLead[sequence.size()];
  for (const char byte : sequence.substr(1)) code = code << 6 | (static_cast<unsigned char>(byte) & 0x3f);
  return code;
}

Status invalid(std::string_view name, std::string_view why) {
  return {Code::InvalidArgument, "'" + printable(name) + "' cannot be a name here: " + std::string(why)};
}

}  // namespace

bool has_invisible_character(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_sequence_bytes(text), 1);
    const char32_t code = code_point(text.substr(0, length));
    text.remove_prefix(length);
    const auto range =
        std::find_if(kInvisible.begin(), kInvisible.end(), [&](const Range& r) { return code <= r.last; });
    if (range != kInvisible.end() && code >= range->first) return true;
  }
  return false;
}

Status check_new_name(std::string_view name) {
  if (Status status = check_name(name); !status.ok()) return status;
  if (has_invisible_character(name)) {
    return invalid(name, "it holds an invisible character (such as a zero-width or no-break space); type it anew");
  }
  if (name.front() == ' ' || name.back() == ' ') return invalid(name, "it begins or ends with a space");
  return {};
}

}  // namespace modelfs
