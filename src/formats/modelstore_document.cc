#include "formats/modelstore_document.h"

#include <algorithm>
#include <chrono>
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

bool is_object_or_nothing(const Json& value) { return value.is_object() || value.is_null(); }
bool is_list_or_nothing(const Json& value) { return value.is_array() || value.is_null(); }

// "2026/11/21/21:22:47", a time that there is: its lists raise for any other.
bool is_created(const std::string& created) {
  constexpr std::string_view kForm = "0000/00/00/00:00:00";
  if (created.size() != kForm.size()) return false;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool is_digit = created[i] >= '0' && created[i] <= '9';
    if (kForm[i] == '0' ? !is_digit : created[i] != kForm[i]) return false;
  }
  const auto number = [&created](std::size_t at, std::size_t count) { return std::stoi(created.substr(at, count)); };
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  return number(0, 4) > 0 && day.ok() && number(11, 2) < 24 && number(14, 2) < 60 && number(17, 2) < 60;
}

bool is_model_type(const Json& type) {
  const Json& models = member(type, "models");
  if (text(type, "library").empty() || !is_list_or_nothing(models)) return false;
  return std::all_of(models.begin(), models.end(), [](const Json& one) { return is_model_type(one); });
}

bool is_dataset(const Json& data) {
  const Json& features = member(data, "features");
  const Json& labels = member(data, "labels");
  return is_object_or_nothing(data) && is_object_or_nothing(features) && is_object_or_nothing(labels) &&
         is_list_or_nothing(member(features, "shape")) && is_list_or_nothing(member(labels, "shape")) &&
         is_object_or_nothing(member(labels, "values"));
}

bool is_code(const Json& code) {
  return code.contains("runtime") && code.contains("user") && member(code, "dependencies").is_object() &&
         is_object_or_nothing(member(code, "git"));
}

// Source: modelstore 0.0.81, metadata/metadata.py and the classes that it is made of.
bool takes(const Json& document) {
  const Json& model = member(document, "model");
  const Json& storage = member(document, "storage");
  return is_model_type(member(model, "model_type")) && is_object_or_nothing(member(model, "parameters")) &&
         is_dataset(member(model, "data")) && (!document.contains("code") || is_code(member(document, "code"))) &&
         document.contains("storage") && (storage.is_null() || storage.contains("type")) &&
         is_object_or_nothing(storage) && member(document, "modelstore").is_string() &&
         is_object_or_nothing(member(document, "extra"));
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
  facts.has_storage = member(parsed, "storage").is_object();
  // Before 2021 it was called `meta`. Its lists look for the other only where this is absent.
  const bool has_code = parsed.is_object() && parsed.contains("code");
  facts.created = text(member(parsed, has_code ? "code" : "meta"), "created");
  if (!is_created(facts.created)) facts.created.clear();
  facts.is_listed = !facts.domain.empty() && !facts.model_id.empty() && !facts.created.empty();
  facts.is_readable = facts.is_listed && takes(parsed);
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
  return extra.empty() ? written : with_extra(std::move(written), extra);
}

std::string with_extra(std::string document, std::string_view extra) {
  document.pop_back();
  return document + ",\"extra\":" + std::string(extra) + "}";
}

std::string make_modelstore_document(const MetadataFacts& facts, std::string_view extra) {
  return shape_for_modelstore(make_metadata(facts), extra);
}

}  // namespace modelfs
