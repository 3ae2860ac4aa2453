#include "formats/yaml_text.h"

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <vector>

#include "base/names.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

// Why before the parser: yaml-cpp parses by recursion. Its own guard, at 500 levels, stands behind this one: marks may
// also be spread over lines.
class MarksScan {
 public:
  Status run(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool ends_word = i + 1 == text.size() || std::string_view(" \t\r\n,[]{}").find(text[i + 1]) != text.npos;
      step(text[i], ends_word);
      if (all_ > kYamlMarksMax) return {Code::Malformed, "it is nested too deep, or indented too far"};
    }
    return {};
  }

 private:
  void step(char mark, bool ends_word) {
    switch (mark) {
      case '\n':
        begins_ = true;
        forget();
        break;
      case ',': forget(); break;
      case ' ': count(begins_); break;
      case '-':
      case '?':
      case ':': count(ends_word || !outer_.empty()); break;
      case '[':
      case '{':
        outer_.push_back(marks_ + 1);
        marks_ = 0;
        ++all_;
        break;
      case ']':
      case '}':
        forget();
        if (outer_.empty()) break;
        marks_ = outer_.back() - 1;
        --all_;
        outer_.pop_back();
        break;
      default: begins_ = false; break;
    }
  }
  void count(bool counts) {
    marks_ += counts ? 1 : 0;
    all_ += counts ? 1 : 0;
  }
  void forget() {
    all_ -= marks_;
    marks_ = 0;
  }

  std::vector<std::size_t> outer_;  // marks around each bracket that is open, with its own
  std::size_t marks_ = 0;           // within the innermost
  std::size_t all_ = 0;
  bool begins_ = true;  // nothing but blanks and marks in the line yet
};

// Why checked once more: yaml-cpp guesses the encoding, and gives the bytes of a text that it takes for another one.
std::string text_of(const YAML::Node& scalar) {
  if (!is_utf8(scalar.Scalar())) throw std::invalid_argument("a string is not UTF-8");
  return scalar.Scalar();
}

// Throws what yaml-cpp throws, and std::length_error beyond the bounds.
Json converted(const YAML::Node& node, std::size_t& value_count, std::size_t depth) {
  if (++value_count > kYamlValuesMax) throw std::length_error("it has too many values");
  if (depth > kYamlDepthMax) throw std::length_error("it is nested too deep");
  switch (node.Type()) {
    case YAML::NodeType::Scalar: return text_of(node);
    case YAML::NodeType::Sequence: {
      Json items = Json::array();
      for (const YAML::Node& each : node) items.push_back(converted(each, value_count, depth + 1));
      return items;
    }
    case YAML::NodeType::Map: {
      Json members = Json::object();
      for (const auto& each : node) {
        if (!each.first.IsScalar()) throw std::invalid_argument("a key is not a string");
        members[text_of(each.first)] = converted(each.second, value_count, depth + 1);
      }
      return members;
    }
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined: break;
  }
  return nullptr;
}

}  // namespace

Result<Json> parse_yaml(std::string_view text) {
  if (text.size() > kYamlBytesMax) {
    return Status(Code::Malformed, "it has more than " + std::to_string(kYamlBytesMax) + " bytes");
  }
  if (Status status = MarksScan().run(text); !status.ok()) return status;
  if (!is_utf8(text)) return Status(Code::Malformed, "it is not UTF-8");
  try {
    std::size_t value_count = 0;
    return converted(YAML::Load(std::string(text)), value_count, 0);
  } catch (const std::exception& problem) {
    return Status(Code::Malformed, "malformed YAML: " + printable(problem.what()));
  }
}

}  // namespace modelfs
