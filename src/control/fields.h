// Reading the fields of a request.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace modelfs {

// Thrown by the readers below and caught in one place, Dispatcher::handle(), which answers Malformed. Stays in this
// room.
struct BadField : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline const nlohmann::json& field(const nlohmann::json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) throw BadField(std::string("the field '") + name + "' is missing");
  return *found;
}

inline std::string text_field(const nlohmann::json& body, const char* name) {
  const nlohmann::json& value = field(body, name);
  if (!value.is_string()) throw BadField(std::string("the field '") + name + "' is not a string");
  return value.get<std::string>();
}

// Why not get<uint64_t>(): it turns -1 and 1e300 into some number.
inline std::uint64_t number_field(const nlohmann::json& body, const char* name) {
  const nlohmann::json& value = field(body, name);
  if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<std::int64_t>() < 0)) {
    throw BadField(std::string("the field '") + name + "' is not an integer from 0");
  }
  return value.get<std::uint64_t>();
}

inline std::int64_t signed_field(const nlohmann::json& body, const char* name) {
  const nlohmann::json& value = field(body, name);
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)) {
    throw BadField(std::string("the field '") + name + "' is not an integer");
  }
  return value.get<std::int64_t>();
}

// The field, or `otherwise` where it is absent.
inline std::string text_or(const nlohmann::json& body, const char* name, std::string otherwise) {
  return body.contains(name) ? text_field(body, name) : otherwise;
}

inline bool truth_or(const nlohmann::json& body, const char* name, bool otherwise) {
  const auto found = body.find(name);
  if (found == body.end()) return otherwise;
  if (!found->is_boolean()) throw BadField(std::string("the field '") + name + "' is neither true nor false");
  return found->get<bool>();
}

}  // namespace modelfs
