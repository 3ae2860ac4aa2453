#include "formats/python_json.h"

#include <utility>

#include "formats/metadata.h"

namespace modelfs {
namespace {

Status malformed_at(std::size_t byte, const std::string& why) {
  return {Code::Malformed, "metadata: " + why + " at byte " + std::to_string(byte)};
}

// Scans a document once before any parser does: bounds its depth, and turns Python's JSON into plain JSON.
class Scan {
 public:
  explicit Scan(std::string_view document) : plain_(document) {}

  Status run() {
    for (std::size_t i = 0; i < plain_.size(); ++i) {
      // Why: nlohmann_json takes a NUL for the end and would not look at what follows.
      if (plain_[i] == '\0') return malformed_at(i, "NUL");
      if (in_string_) {
        if (plain_[i] == '"') in_string_ = false;
        if (plain_[i] == '\\') ++i;
      } else if (Status status = step(i); !status.ok()) {
        return status;
      }
    }
    return {};
  }

  std::string take() { return std::move(plain_); }

 private:
  Status step(std::size_t i) {
    switch (plain_[i]) {
      case '"': in_string_ = true; break;
      case '{':
      case '[':
        if (++depth_ > kMetadataDepthMax) {
          return malformed_at(i, "nested deeper than " + std::to_string(kMetadataDepthMax));
        }
        break;
      case '}':
      case ']':
        if (depth_ > 0) --depth_;  // one too many is left to the parser to refuse
        break;
      case 'N': replace(i, "NaN", begins_value(i)); break;
      case 'I': replace(i, "Infinity", begins_value(i > 0 && plain_[i - 1] == '-' ? i - 1 : i)); break;
      default: break;
    }
    return {};
  }

  // False within a word: "1NaN" must not become the number 10.
  bool begins_value(std::size_t i) const {
    return i > 0 && std::string_view(" \t\r\n:,[").find(plain_[i - 1]) != std::string_view::npos;
  }

  void replace(std::size_t i, std::string_view token, bool begins) {
    if (!begins || plain_.compare(i, token.size(), token) != 0) return;
    plain_.replace(i, token.size(), token.size(), ' ');
    plain_[i] = '0';
  }

  std::string plain_;
  std::size_t depth_ = 0;
  bool in_string_ = false;
};

}  // namespace

Result<std::string> plain_json(std::string_view document) {
  Scan scan(document);
  if (Status status = scan.run(); !status.ok()) return status;
  return scan.take();
}

}  // namespace modelfs
