#include "catalog/yaml_text.h"

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <exception>
#include <stdexcept>

#include "base/names.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

// An alias is one word, and may stand for anything: a few of them one above the other are more than any memory holds.
constexpr std::size_t kValuesMax = 100'000;
constexpr int kDepthMax = 64;

// Throws what yaml-cpp throws, and std::length_error beyond the bounds.
Json converted(const YAML::Node& node, std::size_t& value_count, int depth) {
  if (++value_count > kValuesMax) throw std::length_error("it has too many values");
  if (depth > kDepthMax) throw std::length_error("it is nested too deep");
  switch (node.Type()) {
    case YAML::NodeType::Scalar: return node.Scalar();
    case YAML::NodeType::Sequence: {
      Json items = Json::array();
      for (const YAML::Node& each : node) items.push_back(converted(each, value_count, depth + 1));
      return items;
    }
    case YAML::NodeType::Map: {
      Json members = Json::object();
      for (const auto& each : node) {
        if (!each.first.IsScalar()) throw std::invalid_argument("a key is no text");
        members[each.first.Scalar()] = converted(each.second, value_count, depth + 1);
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
  if (!is_utf8(text)) return Status(Code::Malformed, "it is no UTF-8");
  try {
    std::size_t value_count = 0;
    return converted(YAML::Load(std::string(text)), value_count, 0);
  } catch (const std::exception& problem) {
    return Status(Code::Malformed, "no YAML that makes sense: " + printable(problem.what()));
  }
}

}  // namespace modelfs
