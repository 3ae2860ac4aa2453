#include "formats/metadata.h"

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "formats/forml_package.h"
#include "formats/forml_tag.h"
#include "formats/yaml_text.h"

namespace modelfs {
namespace {

// What is written keeps its order. What is read goes into nlohmann::json, whose objects are trees: an ordered_json
// searches all members for each that it adds, and the files of a package are not trusted.
using Document = nlohmann::ordered_json;
using Json = nlohmann::json;
using Dependencies = std::map<std::string, std::string, std::less<>>;

// More than any real environment has. Why a bound: Document, above.
constexpr std::size_t kDependenciesMax = 1000;
// Of a file of a package, so that the document stays below kMetadataBytesMax whatever the files hold.
constexpr std::size_t kPackageTextBytesMax = 256 * 1024;

// The object in a file of a package; an empty one where there is no file, or none that we would accept from a client
// either.
Json object_in(const std::optional<std::string>& text) {
  if (!text || text->size() > kPackageTextBytesMax || !check_given_metadata(*text).ok()) return Json::object();
  Json object = Json::parse(*text, nullptr, false);
  return object.is_object() ? object : Json::object();
}

std::optional<std::string> text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

// The first value for a package wins.
void add_dependency(Dependencies& into, std::string_view name, std::string_view version) {
  if (into.size() < kDependenciesMax) into.emplace(name, version);
}

void add_texts(Dependencies& into, const Json& object) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_string()) add_dependency(into, name, value.get_ref<const std::string&>());
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool is_plain(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-+!").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), plain);
}

// Adds the requirement of a line such as `torch[cuda]==2.1.0  # comment`.
void add_requirement(Dependencies& into, std::string_view line) {
  line = line.substr(0, line.find_first_of("#;"));
  const std::size_t equals = line.find("==");
  if (equals == std::string_view::npos) return;
  const std::string_view left = line.substr(0, equals);
  const std::string_view name = trimmed(left.substr(0, left.find('[')));
  const std::string_view version = trimmed(line.substr(equals + 2));
  if (is_plain(name) && is_plain(version)) add_dependency(into, name, version);
}

void add_requirements(Dependencies& into, const std::optional<std::string>& text) {
  if (!text || text->size() > kPackageTextBytesMax) return;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    add_requirement(into, rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

// Source: modelstore writes code.created with strftime("%Y/%m/%d/%H:%M:%S"), and its lists sort by that text.
std::string created_text(TimeNs time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t whole = raw(time) / kSecond - (raw(time) % kSecond < 0 ? 1 : 0);
  const std::time_t seconds{whole};
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y/%m/%d/%H:%M:%S", &parts));
  return text;
}

// MLflow's description of a model, with its flavour: the library that made it. Source: mlflow 3.4,
// mlflow/models/model.py.
struct MlflowModel {
  std::optional<std::string> library;
  std::optional<std::string> python;
  Dependencies versions;
};

MlflowModel mlflow_model(const std::optional<std::string>& text) {
  MlflowModel model;
  if (!text || text->size() > kPackageTextBytesMax) return model;
  const auto parsed = parse_yaml(*text);
  if (!parsed.ok() || !parsed->is_object()) return model;
  const auto flavors = parsed->find("flavors");
  if (flavors == parsed->end() || !flavors->is_object()) return model;
  if (const auto version = text_member(*parsed, "mlflow_version")) add_dependency(model.versions, "mlflow", *version);
  for (const auto& [flavor, facts] : flavors->items()) {
    if (!facts.is_object()) continue;
    // Every model has this one; the other names the library.
    if (flavor == "python_function") model.python = text_member(facts, "python_version");
    if (flavor == "python_function") continue;
    if (!model.library) model.library = flavor;
    if (const auto version = text_member(facts, (flavor + "_version").c_str())) {
      add_dependency(model.versions, flavor, *version);
    }
  }
  return model;
}

Document model_of(const MetadataFacts& facts, const MlflowModel& mlflow) {
  Document model = {{"domain", facts.domain}, {"model_id", facts.model_id}};
  const Json info = object_in(facts.model_info);
  auto library = text_member(info, "library");
  if (!library) library = mlflow.library;
  if (!library) return model;  // modelstore reads no model_type without a library
  Document& type = model["model_type"];
  type["library"] = *library;
  if (const auto name = text_member(info, "type")) type["type"] = *name;
  return model;
}

Document code_of(const MetadataFacts& facts, const MlflowModel& mlflow) {
  const Json info = object_in(facts.python_info);
  const auto runtime = text_member(info, "runtime");
  const auto listed = info.find("dependencies");
  const bool nested = listed != info.end() && listed->is_object();
  Dependencies dependencies;
  if (nested) add_texts(dependencies, *listed);
  // Why: modelstore's oldest files are the bare map, which says nothing about a runtime.
  if (!nested && !runtime) add_texts(dependencies, info);
  add_requirements(dependencies, facts.requirements);
  for (const auto& [name, version] : mlflow.versions) add_dependency(dependencies, name, version);

  const std::string python = mlflow.python ? "python:" + *mlflow.python : "";
  const std::string program = facts.program.empty() ? "unknown" : "program:" + facts.program;
  Document code = {{"runtime", runtime.value_or(python.empty() ? program : python)},
                   {"user", facts.published_by},
                   {"created", created_text(facts.created)},
                   {"dependencies", Document::object()}};
  for (const auto& [name, version] : dependencies) code["dependencies"][name] = version;
  return code;
}

Document modelfs_of(const MetadataFacts& facts) {
  Document own = Document::object();
  own["version"] = facts.version;
  if (facts.generation) own["generation"] = raw(*facts.generation);
  own["digest"] = "sha256:" + facts.digest.hex();
  own["sequence"] = raw(facts.sequence);
  own["files"] = facts.files;
  own["bytes"] = facts.bytes;
  own["published_by"] = facts.published_by;
  if (!facts.host.empty()) own["host"] = facts.host;
  return own;
}

// The manifest of a ForML package.
void add_package(Document& document, const std::optional<std::string>& text) {
  const auto manifest = text ? parse_package_manifest(*text) : std::nullopt;
  if (!manifest) return;
  Document& package = document["package"];
  package = {{"name", manifest->name}, {"version", manifest->version}, {"package", manifest->package}};
  package["modules"] = Document::object();
  for (const auto& [component, module] : manifest->modules) package["modules"][component] = module;
}

// ForML's description of a training.
void add_training(Document& document, const std::optional<std::string>& text) {
  const auto tag = text ? parse_tag(*text) : Result<Tag>(Status(Code::NotFound, ""));
  if (!tag.ok()) return;
  for (const auto& [table, name, value] :
       {std::tuple("training", "timestamp", &tag->trained), std::tuple("training", "ordinal", &tag->ordinal),
        std::tuple("tuning", "timestamp", &tag->tuned), std::tuple("tuning", "score", &tag->score)}) {
    if (!value->empty()) document[table][name] = *value;
  }
}

std::string written(const Document& document) {
  // Why replace: names of programs and mount points may be any bytes, and only dump() would notice, by throwing.
  return document.dump(2, ' ', false, Document::error_handler_t::replace) + "\n";
}

}  // namespace

std::string make_metadata(const MetadataFacts& facts) {
  Document document = Document::object();
  const MlflowModel mlflow = mlflow_model(facts.mlmodel);
  document["model"] = model_of(facts, mlflow);
  document["code"] = code_of(facts, mlflow);
  add_package(document, facts.package);
  add_training(document, facts.tag);
  document["modelfs"] = modelfs_of(facts);
  return written(document);
}

std::string present_metadata(std::string_view stored, const StorageFacts& facts) {
  const Document document = check_given_metadata(stored).ok() ? Document::parse(stored, nullptr, false) : Document();
  if (!document.is_object() || !document.contains("model")) return std::string(stored);
  Document presented = Document::object();
  for (const auto& [name, value] : document.items()) {
    presented[name] = value;
    // Where modelstore puts it: right after "model".
    if (name == "model") presented["storage"] = {{"type", "modelfs"}, {"root", facts.root}, {"path", facts.path}};
  }
  return written(presented);
}

}  // namespace modelfs
