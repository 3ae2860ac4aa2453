#include "formats/toml_bounds.h"

#include <algorithm>
#include <string>

namespace modelfs {
namespace {

class TomlScan {
 public:
  explicit TomlScan(std::string_view text) : text_(text) {}

  Status run() {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    while (at_ < text_.size()) {
      const char next = text_[at_];
      if (next == '"' || next == '\'') {
        skip_string(next);
      } else if (next == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (Status status = step(next); !status.ok()) {
        return status;
      }
    }
    return {};
  }

 private:
  Status step(char mark) {
    if (static_cast<unsigned char>(mark) > 0x7f)
      return refuse("a character that is not ASCII, and no quotes around it");
    ++at_;
    switch (mark) {
      case '.': return ++dots_ < kTomlKeyPartsMax ? Status() : too_much("a key of more parts than", kTomlKeyPartsMax);
      case '[':
      case '{':
        dots_ = 0;
        return ++depth_ <= kTomlNestingMax ? Status() : too_much("nested deeper than", kTomlNestingMax);
      case ']':
      case '}':
        if (depth_ > 0) --depth_;  // one too many is left to the parser to refuse
        dots_ = 0;
        break;
      case '\n':
      case ',':
      case '=': dots_ = 0; break;
      default: break;
    }
    return {};
  }

  // Ends where a parser may take it to end, at the latest: what it hides from this scan, it hides from the parser.
  void skip_string(char quote) {
    const std::string triple(3, quote);
    const bool is_long = text_.substr(at_, 3) == triple;
    at_ += is_long ? 3 : 1;
    while (at_ < text_.size()) {
      if (text_[at_] == '\\' && quote == '"') {
        at_ += 2;
      } else if (!is_long && (text_[at_] == quote || text_[at_] == '\n')) {
        at_ += text_[at_] == quote ? 1 : 0;
        return;
      } else if (is_long && text_.substr(at_, 3) == triple) {
        at_ += 3;
        // The last two quotes of five are the string's own.
        for (int own = 0; own < 2 && at_ < text_.size() && text_[at_] == quote; ++own) ++at_;
        return;
      } else {
        ++at_;
      }
    }
  }

  Status too_much(const std::string& what, std::size_t limit) const {
    return refuse(what + " " + std::to_string(limit));
  }
  Status refuse(const std::string& what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    return {Code::Malformed, "line " + std::to_string(line) + ": " + what};
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t dots_ = 0;  // of the key in hand
  std::size_t depth_ = 0;
};

}  // namespace

Status check_toml_bounds(std::string_view text) { return TomlScan(text).run(); }

}  // namespace modelfs
