#include "archive/pax_records.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <string>

#include "base/names.h"

namespace modelfs {
namespace {

struct Record {
  std::string_view key;
  std::string_view value;
};

Status malformed(std::string_view why) { return {Code::Malformed, "a pax header " + std::string(why)}; }

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char each) { return each >= '0' && each <= '9'; });
}

// "-12.5": seconds, with a fraction as fine as the writer liked.
bool is_time(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t dot = std::min(text.find('.'), text.size());
  const std::string_view fraction = text.substr(std::min(dot + 1, text.size()));
  return is_number(text.substr(0, dot)) && (fraction.empty() || is_number(fraction));
}

// What Python writes for a float that is tiny or huge, "1e-07", as "0.0000001"; anything else as it is. No value for an
// exponent that no float has.
std::optional<std::string> without_exponent(std::string_view text) {
  constexpr int kExponentMax = 400;  // a double's lie between -324 and 308
  const std::size_t mark = text.find_first_of("eE");
  if (mark == std::string_view::npos) return std::string(text);
  std::string_view exponent = text.substr(mark + 1);
  const bool is_down = exponent.starts_with('-');
  if (is_down || exponent.starts_with('+')) exponent.remove_prefix(1);
  int shift = 0;
  if (!is_number(exponent) ||
      std::from_chars(exponent.data(), exponent.data() + exponent.size(), shift).ec != std::errc{} ||
      shift > kExponentMax) {
    return std::nullopt;
  }
  text = text.substr(0, mark);
  const std::string sign = text.starts_with('-') ? "-" : "";
  text.remove_prefix(sign.size());
  const std::size_t dot = std::min(text.find('.'), text.size());
  std::string digits = std::string(text.substr(0, dot)) + std::string(text.substr(std::min(dot + 1, text.size())));
  if (dot == 0 || !is_number(digits)) return std::nullopt;
  const auto zeros = static_cast<std::size_t>(shift);
  std::size_t point = dot;
  if (is_down) {
    digits.insert(0, zeros, '0');
  } else {
    point += zeros;
    digits.resize(std::max(digits.size(), point), '0');
  }
  return sign + digits.substr(0, point) + "." + digits.substr(point);
}

// Of what is_time() accepts. What is finer than a nanosecond is cut off towards the past, as GNU tar does; what lies
// beyond 64 bits, at their ends.
PaxTime time_of(std::string_view text) {
  constexpr std::size_t kDigits = 9;
  const bool before = text.starts_with('-');
  const std::size_t dot = std::min(text.find('.'), text.size());
  PaxTime time;
  const auto error = std::from_chars(text.data(), text.data() + dot, time.seconds).ec;
  if (error == std::errc::result_out_of_range) {
    return {before ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max(), 0};
  }
  const std::string_view fraction = text.substr(std::min(dot + 1, text.size()));
  for (std::size_t i = 0; i < kDigits; ++i) {
    time.nanoseconds = time.nanoseconds * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  }
  if (!before) return time;
  const bool is_finer = fraction.find_first_not_of('0', kDigits) != std::string_view::npos;
  if (is_finer) ++time.nanoseconds;
  if (time.nanoseconds == 0 || time.seconds == std::numeric_limits<std::int64_t>::min()) return time;
  return {time.seconds - 1, 1'000'000'000 - time.nanoseconds};
}

// Takes the first record off `text`.
Result<Record> take_record(std::string_view& text) {
  std::size_t length = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  const auto digits = static_cast<std::size_t>(stop - text.data());
  if (error != std::errc{} || digits >= text.size() || text[digits] != ' ')
    return malformed("has no record where one is due");
  if (length > text.size() || length < digits + 2) return malformed("has a record that is longer than the header");
  std::string_view record = text.substr(digits + 1, length - digits - 1);
  text.remove_prefix(length);
  if (!record.ends_with('\n')) return malformed("has a record that does not end where it says");
  record.remove_suffix(1);
  const std::size_t equals = record.find('=');
  if (equals == 0 || equals == std::string_view::npos) return malformed("has a record without a key");
  return Record{record.substr(0, equals), record.substr(equals + 1)};
}

bool is_sparse_key(std::string_view key) { return key.starts_with("GNU.sparse."); }

// Keys whose values are bytes that we do not interpret.
bool is_opaque(std::string_view key) {
  return key.starts_with("SCHILY.xattr.") || key.starts_with("LIBARCHIVE.xattr.");
}

Status take_fact(const Record& record, PaxFacts& facts) {
  const auto& [key, value] = record;
  if (!is_opaque(key) && value.find('\0') != std::string_view::npos) {
    return malformed("has a NUL in the value of '" + printable(key) + "'");
  }
  if (key == "path") facts.has_path = true;
  if (key == "path" && value.empty()) return malformed("has an empty path");
  if (key == "linkpath" && value.empty()) return malformed("has an empty linkpath");
  if (key == "mtime") {
    const auto plain = without_exponent(value);
    if (!plain || !is_time(*plain)) return malformed("has an mtime that is not a time");
    facts.mtime = time_of(*plain);
  }
  if (is_sparse_key(key)) facts.sparse = true;
  if (key == "GNU.sparse.major") facts.sparse_list = true;
  if (key == "hdrcharset" && value != "BINARY" && value != "ISO-IR 10646 2000 UTF-8") {
    return malformed("has names in the character set '" + printable(value) + "'");
  }
  if (key != "size") return {};
  std::uint64_t size = 0;
  const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), size);
  if (!is_number(value) || error != std::errc{} || stop != value.data() + value.size()) {
    return malformed("has a size that is not a number");
  }
  facts.size_bytes = size;
  return {};
}

}  // namespace

Result<PaxFacts> read_pax_records(ByteView body) {
  PaxFacts facts;
  std::set<std::string_view> keys;
  for (std::string_view text = text_of(body); !text.empty();) {
    const auto record = take_record(text);
    if (!record.ok()) return record.status();
    // GNU's version 0.0 repeats these two for each piece.
    const bool repeats = record->key == "GNU.sparse.offset" || record->key == "GNU.sparse.numbytes";
    if (!repeats && !keys.insert(record->key).second) return malformed("has '" + printable(record->key) + "' twice");
    if (Status status = take_fact(*record, facts); !status.ok()) return status;
  }
  return facts;
}

Status check_global_pax_records(ByteView body) {
  for (std::string_view text = text_of(body); !text.empty();) {
    const auto record = take_record(text);
    if (!record.ok()) return record.status();
    const std::string_view key = record->key;
    if (key == "path" || key == "linkpath" || key == "size" || key == "mtime" || key == "hdrcharset" ||
        is_sparse_key(key)) {
      return malformed("for all members sets '" + printable(key) + "'");
    }
  }
  return {};
}

}  // namespace modelfs
