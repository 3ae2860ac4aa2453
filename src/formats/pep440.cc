#include "formats/pep440.h"

#include <algorithm>
#include <regex>

namespace modelfs {
namespace {

using Match = std::match_results<std::string_view::const_iterator>;

// The groups of the pattern below.
enum Group : std::size_t { kEpoch = 1, kRelease, kPreKind, kPre, kBarePost, kPostKind, kPost, kDevKind, kDev, kLocal };

std::string text_of_group(const Match& match, Group group) { return match[group].str(); }

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return text;
}

std::string pre_kind_of(const std::string& word) {
  if (word == "alpha" || word == "a") return "a";
  if (word == "beta" || word == "b") return "b";
  return word.empty() ? "" : "rc";
}

template <class Value>
std::weak_ordering compare_lists(const std::vector<Value>& one, const std::vector<Value>& other) {
  return std::lexicographical_compare_three_way(one.begin(), one.end(), other.begin(), other.end());
}

}  // namespace

std::strong_ordering Pep440::Number::operator<=>(const Number& other) const {
  if (digits.size() != other.digits.size()) return digits.size() <=> other.digits.size();
  return digits <=> other.digits;
}

std::strong_ordering Pep440::LocalPart::operator<=>(const LocalPart& other) const {
  if (is_number != other.is_number) return is_number <=> other.is_number;
  return is_number ? number <=> other.number : letters <=> other.letters;
}

Pep440::Number Pep440::number_of(std::string_view digits) {
  const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size());
  return first == digits.size() ? Number{} : Number{std::string(digits.substr(first))};
}

std::vector<Pep440::LocalPart> Pep440::local_of(std::string text) {
  std::vector<LocalPart> parts;
  text = lower(std::move(text));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("-_.", at), text.size());
    const std::string part = text.substr(at, end - at);
    const bool is_number = part.find_first_not_of("0123456789") == std::string::npos;
    parts.push_back({is_number, is_number ? number_of(part) : Number{}, is_number ? "" : part});
    at = end + 1;
  }
  return parts;
}

std::optional<Pep440> Pep440::parse(std::string_view text) {
  // Source: PEP 440, appendix B, "Parsing version strings with regular expressions".
  static const std::regex kPattern(
      "\\s*v?(?:([0-9]+)!)?([0-9]+(?:\\.[0-9]+)*)"
      "(?:[-_.]?(alpha|beta|preview|pre|a|b|c|rc)[-_.]?([0-9]*))?"
      "(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]*))?"
      "(?:[-_.]?(dev)[-_.]?([0-9]*))?"
      "(?:\\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\\s*",
      std::regex::icase | std::regex::optimize);
  Match match;
  if (!std::regex_match(text.begin(), text.end(), match, kPattern)) return std::nullopt;
  Pep440 version;
  version.epoch_ = number_of(text_of_group(match, kEpoch));
  const std::string release = text_of_group(match, kRelease);
  for (std::size_t at = 0; at < release.size();) {
    const std::size_t end = std::min(release.find('.', at), release.size());
    version.release_.push_back(number_of(std::string_view(release).substr(at, end - at)));
    at = end + 1;
  }
  version.pre_kind_ = pre_kind_of(lower(text_of_group(match, kPreKind)));
  version.pre_ = number_of(text_of_group(match, kPre));
  if (match[kBarePost].matched) version.post_ = number_of(text_of_group(match, kBarePost));
  if (match[kPostKind].matched) version.post_ = number_of(text_of_group(match, kPost));
  if (match[kDevKind].matched) version.dev_ = number_of(text_of_group(match, kDev));
  version.local_ = local_of(text_of_group(match, kLocal));
  version.write();
  return version;
}

void Pep440::write() {
  if (epoch_ != Number{}) text_ = epoch_.digits + "!";
  for (std::size_t i = 0; i < release_.size(); ++i) text_ += (i == 0 ? "" : ".") + release_[i].digits;
  if (!pre_kind_.empty()) text_ += pre_kind_ + pre_.digits;
  if (post_) text_ += ".post" + post_->digits;
  if (dev_) text_ += ".dev" + dev_->digits;
  for (std::size_t i = 0; i < local_.size(); ++i) {
    text_ += (i == 0 ? "+" : ".") + (local_[i].is_number ? local_[i].number.digits : local_[i].letters);
  }
}

// A development release without anything else comes before the first alpha; a final release after the last candidate.
int Pep440::pre_rank() const {
  if (!pre_kind_.empty()) return 1;
  return !post_ && dev_ ? 0 : 2;
}

std::weak_ordering Pep440::operator<=>(const Pep440& other) const {
  const auto without_zeros = [](std::vector<Number> numbers) {
    while (!numbers.empty() && numbers.back() == Number{}) numbers.pop_back();
    return numbers;
  };
  if (const auto order = epoch_ <=> other.epoch_; order != 0) return order;
  if (const auto order = compare_lists(without_zeros(release_), without_zeros(other.release_)); order != 0)
    return order;
  if (const auto order = pre_rank() <=> other.pre_rank(); order != 0) return order;
  if (const auto order = pre_kind_ <=> other.pre_kind_; order != 0) return order;
  if (const auto order = pre_ <=> other.pre_; order != 0) return order;
  if (const auto order = post_ <=> other.post_; order != 0) return order;
  // A development release comes before what it develops.
  if (dev_.has_value() != other.dev_.has_value()) return dev_ ? std::weak_ordering::less : std::weak_ordering::greater;
  if (const auto order = dev_ <=> other.dev_; order != 0) return order;
  return compare_lists(local_, other.local_);
}

bool reads_as_pep440(std::string_view name) { return Pep440::parse(name).has_value(); }

}  // namespace modelfs
