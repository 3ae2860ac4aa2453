// Names that have been checked: a value of one of these types is always presentable as a path component.
#pragma once
#include <compare>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Longest name of a domain, version or label, in bytes. Why below 255: the suffix of a face (".tar.gz") must still fit.
inline constexpr std::size_t kNameBytesMax = 240;
// Longest name of a file inside a release or draft, in bytes. Source: NAME_MAX of Linux.
inline constexpr std::size_t kFileNameBytesMax = 255;

bool is_utf8(std::string_view text);

// Ok for a name that may stand for a file anywhere: 1…255 bytes of valid UTF-8, no '/' or NUL, not "." or "..".
// IllegalName: not UTF-8. NameTooLong. InvalidArgument: the rest.
Status check_file_name(std::string_view name);

// Ok for a domain, version or label: a file name of at most kNameBytesMax bytes without control characters, without a
// leading dot, not reserved (latest, next, versions, domains, model_states, modelstore, operatorai-model-store), and
// not ending in a face's suffix (.json .tar .tar.gz .tgz .tar.zst .zip .4ml). Codes as check_file_name; messages say
// the rule.
Status check_name(std::string_view name);

// True for the names that are reserved in every layout.
bool is_reserved_name(std::string_view name);

// The suffixes of faces, each with its dot.
std::span<const std::string_view> face_suffixes();

// The suffix of a face that `name` ends in, with its dot, or empty.
std::string_view face_suffix(std::string_view name);

// True with a control character (C0, DEL, C1) in it. `text` is UTF-8.
bool has_control_character(std::string_view text);

// "7" as a Generation. InvalidArgument for anything we would not print back identically ("", "0", "07", "+7") and for
// numbers above 2^63 - 1, which TF-Serving would silently never serve.
Result<Generation> parse_generation(std::string_view name);

namespace detail {
// One checked string type per meaning, so that a version is not passed where a domain belongs.
template <class Tag>
class CheckedName {
 public:
  static Result<CheckedName> parse(std::string_view text) {
    if (Status status = check_name(text); !status.ok()) return status;
    return CheckedName(std::string(text));
  }
  const std::string& str() const { return text_; }
  auto operator<=>(const CheckedName&) const = default;
  bool operator==(const CheckedName&) const = default;

 private:
  explicit CheckedName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};
}  // namespace detail

using DomainName = detail::CheckedName<struct DomainTag>;
// Versions and labels share one name space in a domain.
using VersionName = detail::CheckedName<struct VersionTag>;
using LabelName = detail::CheckedName<struct LabelTag>;

// A new random UUID4 in lower case, e.g. "6f9619ff-8b86-4d01-b42d-00cf4fc964ff".
std::string make_model_id();

// `text` with control characters, quotes and backslashes escaped: for messages and logs.
std::string printable(std::string_view text);

}  // namespace modelfs
