// Version identifiers of Python packages. Source: PEP 440; the order is that of its "Summary of permitted suffixes and
// relative ordering", as the package `packaging` has it.
#pragma once
#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelfs {

class Pep440 {
 public:
  // Empty for anything that does not parse; "v1.0-alpha" does.
  static std::optional<Pep440> parse(std::string_view text);

  // The normalised form: "1.0a0".
  const std::string& str() const { return text_; }
  // "1.0" equals "1.0.0".
  std::weak_ordering operator<=>(const Pep440& other) const;
  bool operator==(const Pep440& other) const { return (*this <=> other) == 0; }

 private:
  // A number of any length, without leading zeros. Longer is greater.
  struct Number {
    std::string digits = "0";
    std::strong_ordering operator<=>(const Number& other) const;
    bool operator==(const Number&) const = default;
  };
  // One part of a local version: letters sort before all numbers.
  struct LocalPart {
    bool is_number = false;
    Number number;
    std::string letters;
    std::strong_ordering operator<=>(const LocalPart& other) const;
    bool operator==(const LocalPart&) const = default;
  };
  static Number number_of(std::string_view digits);
  static std::vector<LocalPart> local_of(std::string text);
  void write();
  int pre_rank() const;

  Number epoch_;
  std::vector<Number> release_;
  std::string pre_kind_;  // "a", "b", "rc"; empty: none
  Number pre_;
  std::optional<Number> post_;
  std::optional<Number> dev_;
  std::vector<LocalPart> local_;
  std::string text_;
};

// True when `name` reads as a PEP 440 version ("1.0", "v2", "1.0-alpha").
bool reads_as_pep440(std::string_view name);

}  // namespace modelfs
