#include "formats/forml_package.h"

#include <algorithm>

#include "base/names.h"

namespace modelfs {
namespace {

// A cursor over Python source that knows string literals, comments and line ends.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }
  bool take(char wanted) {
    if (at_end() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  // Blanks; inside brackets also line ends and comments.
  void skip_space(bool in_brackets) {
    while (!at_end()) {
      const char next = text_[at_];
      if (next == ' ' || next == '\t' || (in_brackets && (next == '\n' || next == '\r'))) {
        ++at_;
      } else if (in_brackets && next == '#') {
        skip_line();
      } else {
        return;
      }
    }
  }
  void skip_line() {
    const std::size_t end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
  }
  std::string_view word() {
    const std::size_t from = at_;
    while (!at_end() && (is_letter(text_[at_]))) ++at_;
    return text_.substr(from, at_ - from);
  }
  // A string literal without prefix. Escapes: the quotes and the backslash; others are not understood.
  std::optional<std::string> literal() {
    if (at_end() || (text_[at_] != '"' && text_[at_] != '\'')) return std::nullopt;
    const char quote = text_[at_];
    const std::string triple(3, quote);
    const bool is_long = text_.substr(at_, 3) == triple;
    at_ += is_long ? 3 : 1;
    std::string value;
    while (!at_end()) {
      if (is_long ? text_.substr(at_, 3) == triple : text_[at_] == quote) {
        at_ += is_long ? 3 : 1;
        return value;
      }
      if (text_[at_] == '\n' && !is_long) return std::nullopt;
      if (text_[at_] == '\\' && !unescape()) return std::nullopt;
      value += text_[at_++];
    }
    return std::nullopt;
  }
  // Nothing but a comment until the line ends.
  bool line_ends() {
    skip_space(false);
    const bool ends = at_end() || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '#';
    skip_line();
    return ends;
  }

 private:
  static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }
  // From a backslash to the escaped character.
  bool unescape() {
    if (at_ + 1 >= text_.size()) return false;
    const char next = text_[at_ + 1];
    if (next != '\\' && next != '"' && next != '\'') return false;
    ++at_;
    return true;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<std::map<std::string, std::string>> dictionary(Scanner& scanner) {
  std::map<std::string, std::string> found;
  if (!scanner.take('{')) return std::nullopt;
  for (;;) {
    scanner.skip_space(true);
    if (scanner.take('}')) return found;
    const auto key = scanner.literal();
    scanner.skip_space(true);
    if (!key || !scanner.take(':')) return std::nullopt;
    scanner.skip_space(true);
    const auto value = scanner.literal();
    if (!value) return std::nullopt;
    found[*key] = *value;
    if (found.size() > kPackageModulesMax) return std::nullopt;
    scanner.skip_space(true);
    if (scanner.take(',')) continue;
    if (scanner.take('}')) return found;
    return std::nullopt;
  }
}

}  // namespace

std::optional<PackageManifest> parse_package_manifest(std::string_view text) {
  if (text.size() > kPackageManifestBytesMax || !is_utf8(text)) return std::nullopt;
  Scanner scanner(text);
  std::map<std::string, std::string, std::less<>> texts;
  PackageManifest manifest;
  while (!scanner.at_end()) {
    // A docstring, or another expression that is a literal.
    if (const auto docstring = scanner.literal()) {
      scanner.skip_line();
      continue;
    }
    const std::string_view name = scanner.word();
    scanner.skip_space(false);
    const bool wanted = name == "NAME" || name == "VERSION" || name == "PACKAGE" || name == "MODULES";
    if (!wanted || !scanner.take('=')) {
      scanner.skip_line();
      continue;
    }
    scanner.skip_space(false);
    if (name == "MODULES") {
      auto modules = dictionary(scanner);
      if (!modules || !scanner.line_ends()) return std::nullopt;
      manifest.modules = std::move(*modules);
      continue;
    }
    auto value = scanner.literal();
    if (!value || !scanner.line_ends()) return std::nullopt;
    texts[std::string(name)] = std::move(*value);
  }
  for (const auto& [name, into] : {std::pair<std::string_view, std::string*>{"NAME", &manifest.name},
                                   {"VERSION", &manifest.version},
                                   {"PACKAGE", &manifest.package}}) {
    const auto found = texts.find(name);
    if (found == texts.end()) return std::nullopt;
    *into = found->second;
  }
  return manifest;
}

}  // namespace modelfs
