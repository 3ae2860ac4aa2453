#include "formats/modelstore_document.h"

#include <nlohmann/json.hpp>

#include "formats/python_json.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;
using Document = nlohmann::ordered_json;

// The version whose form it has; modelstore reads the member and does not use it.
constexpr const char* kModelstoreVersion = "0.0.81";
constexpr const char* kUnknownLibrary = "model_file";

const Json& member(const Json& object, const char* name) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

std::string text(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// Ten digits and what stands between them.
bool is_created(std::string_view created) {
  constexpr std::string_view kForm = "0000/00/00/00:00:00";
  if (created.size() != kForm.size()) return false;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool is_digit = created[i] >= '0' && created[i] <= '9';
    if (kForm[i] == '0' ? !is_digit : created[i] != kForm[i]) return false;
  }
  return true;
}

}  // namespace

ModelstoreFacts read_modelstore_document(std::string_view document) {
  ModelstoreFacts facts;
  if (!check_given_metadata(document).ok()) return facts;
  const auto plain = plain_json(document);
  const Json parsed = plain.ok() ? Json::parse(*plain, nullptr, false) : Json();
  const Json& model = member(parsed, "model");
  facts.domain = text(model, "domain");
  facts.model_id = text(model, "model_id");
  facts.path = text(member(parsed, "storage"), "path");
  const Json& code = member(parsed, "code");
  // Before 2021 it was called `meta`.
  facts.created = text(code.is_object() ? code : member(parsed, "meta"), "created");
  const bool has_code = code.is_null() || (code.is_object() && code.contains("runtime") && code.contains("user") &&
                                           code.contains("dependencies"));
  facts.is_readable = !facts.domain.empty() && !facts.model_id.empty() && is_created(facts.created) && has_code &&
                      !text(member(model, "model_type"), "library").empty() &&
                      member(parsed, "storage").contains("type") && member(parsed, "modelstore").is_string();
  if (!is_created(facts.created)) facts.created.clear();
  return facts;
}

std::string shape_for_modelstore(std::string_view made, std::string_view extra) {
  const Document stored = check_given_metadata(made).ok() ? Document::parse(made, nullptr, false) : Document::object();
  Document shaped = Document::object();
  shaped["model"] = stored.value("model", Document::object());
  if (!shaped["model"].contains("model_type")) shaped["model"]["model_type"] = {{"library", kUnknownLibrary}};
  shaped["storage"] = {{"type", "file_system"}, {"root", ""}, {"path", ""}};
  shaped["modelstore"] = kModelstoreVersion;
  for (const auto& [name, value] : stored.items()) {
    if (!shaped.contains(name)) shaped[name] = value;
  }
  std::string written = shaped.dump(-1, ' ', true, Document::error_handler_t::replace);
  if (extra.empty()) return written;
  written.pop_back();
  return written + ",\"extra\":" + std::string(extra) + "}";
}

std::string make_modelstore_document(const MetadataFacts& facts, std::string_view extra) {
  return shape_for_modelstore(make_metadata(facts), extra);
}

}  // namespace modelfs
