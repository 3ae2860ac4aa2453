#include "cli/import_mlflow.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>
#include <optional>
#include <set>

#include "base/names.h"
#include "cli/directory_entries.h"
#include "cli/yaml_file.h"

namespace modelfs {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

constexpr std::string_view kVersionPrefix = "version-";
constexpr std::size_t kSmallFileBytesMax = 64 * 1024;

std::string text_of(const nlohmann::json& document, const char* key) {
  const auto found = document.is_object() ? document.find(key) : document.end();
  return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The files of a directory, each one value, as MLflow keeps tags and aliases.
std::map<std::string, std::string> values_in(const ImportRoots& roots, const fs::path& directory) {
  std::map<std::string, std::string> values;
  std::error_code error;
  for (fs::recursive_directory_iterator each(directory, error), end; !error && each != end; each.increment(error)) {
    if (!each->is_regular_file(error)) continue;
    auto text = roots.read(each->path(), kSmallFileBytesMax);
    const std::string name = each->path().lexically_relative(directory);
    if (text.ok() && is_utf8(*text) && is_utf8(name)) values[name] = *std::move(text);
  }
  return values;
}

// "%41" as "A". Nullopt: a '%' without two digits.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    const char* const begin = text.data() + i + 1;
    if (i + 2 >= text.size() || std::from_chars(begin, begin + 2, value, 16).ptr != begin + 2) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

// The scheme of a URI; empty: a plain path.
std::string scheme_of(const std::string& uri) {
  const std::size_t colon = uri.find(':');
  return colon == std::string::npos || uri.find('/') < colon ? "" : uri.substr(0, colon);
}

// Milliseconds since 1970, in UTC, as documents have it.
std::string created_text(const std::string& milliseconds) {
  long long number = 0;
  std::from_chars(milliseconds.data(), milliseconds.data() + milliseconds.size(), number);
  const std::time_t seconds{number / 1000};
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y/%m/%d/%H:%M:%S", &parts));
  return text;
}

fs::path real_path(const fs::path& path) {
  std::error_code error;
  return fs::weakly_canonical(path, error);
}

class MlflowPlan {
 public:
  MlflowPlan(fs::path root, const ImportRoots& roots) : root_(std::move(root)), roots_(roots) {
    plan_.layout = "mlflow";
  }

  ImportPlan run() {
    for (const fs::path& model : entries_of(root_ / "models", is_directory)) {
      if (is_there(model / "meta.yaml")) add_model(model);
    }
    leave_what_is_not_registered();
    return std::move(plan_);
  }

 private:
  void leave(const fs::path& path, std::string reason) { plan_.left.push_back({path.string(), std::move(reason)}); }

  void add_model(const fs::path& model) {
    const std::string name = model.filename();
    if (Status status = check_name(name); !status.ok()) return leave(model, status.message());
    // In the order of their numbers, so that `latest` is what it is in MLflow.
    std::map<std::uint64_t, fs::path> versions;
    for (const fs::path& each : entries_of(model, is_directory)) {
      const std::string directory = each.filename();
      if (!directory.starts_with(kVersionPrefix)) continue;
      const auto number = parse_generation(directory.substr(kVersionPrefix.size()));
      if (number.ok()) {
        versions[raw(*number)] = each;
      } else {
        leave(each, number.status().message());
      }
    }
    const auto aliases = values_in(roots_, model / "aliases");
    for (const auto& [number, path] : versions) add_version(name, model, path, std::to_string(number), aliases);
    for (const auto& [alias, version] : aliases) plan_.labels.push_back({name, alias, version});
  }

  void add_version(const std::string& name, const fs::path& model, const fs::path& path, const std::string& version,
                   const std::map<std::string, std::string>& aliases) {
    const auto meta = read_yaml_file(roots_, path / "meta.yaml");
    if (!meta.ok()) return leave(path, meta.status().message());
    const std::string stage = text_of(*meta, "current_stage");
    if (stage == "Deleted_Internal") return leave(path, "a deleted version");
    const std::string status = text_of(*meta, "status");
    if (!status.empty() && status != "READY") return leave(path, "it is not ready: " + status);
    const auto files = files_of(*meta);
    if (!files.ok()) return leave(path, files.status().message());
    const auto place = roots_.find(*files);
    if (!place.ok()) return leave(path, place.status().message());
    taken_.insert(real_path(*files));
    const OrderedJson document = document_of(name, model, path, *meta, *files, aliases);
    PutSource source{files->string(), "", document.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n",
                     *place};
    plan_.items.push_back({std::move(source), name + "/" + version});
  }

  // The directory of a version's files. NotFound, Unsupported: says why there is none.
  Result<fs::path> files_of(const nlohmann::json& meta) const {
    std::string uri = text_of(meta, "storage_location");
    if (uri.empty()) uri = text_of(meta, "source");
    return files_at(uri);
  }

  Result<fs::path> files_at(const std::string& uri) const {
    constexpr std::string_view kFile = "file";
    const std::string scheme = scheme_of(uri);
    if (scheme == "models") return logged_model(uri.substr(uri.rfind('/') + 1));
    if (scheme == "runs") return artifacts_of_run(uri);
    if (!scheme.empty() && scheme != kFile) {
      return Status(Code::Unsupported, "its files are at " + printable(uri) +
                                           ", which is not a path; download them and `modelfs put` the directory");
    }
    std::optional<std::string> path = uri;
    if (scheme == kFile) {
      std::string_view rest = std::string_view(uri).substr(kFile.size() + 1);
      // "file:///a", "file://localhost/a", "file:/a".
      if (rest.starts_with("//")) rest.remove_prefix(std::min(rest.find('/', 2), rest.size()));
      path = percent_decoded(rest);
    }
    if (!path || path->empty()) return Status(Code::Malformed, "it does not say where its files are");
    return found(*path);
  }

  // The path, or, where the store was moved, the corresponding path beneath it.
  Result<fs::path> found(const std::string& path) const {
    std::error_code error;
    const auto there = path.front() == '/' ? roots_.find(path) : Result<BeneathRoot>(Status(Code::NotFound, ""));
    if (there.ok() && fs::is_directory(path, error)) return fs::path(path);
    for (std::size_t slash = 0; slash != std::string::npos; slash = path.find('/', slash + 1)) {
      const fs::path tail = fs::path(path.substr(slash)).relative_path();
      const bool leaves = std::find(tail.begin(), tail.end(), "..") != tail.end();
      // A single name is not enough: it could belong to something else.
      if (leaves || std::distance(tail.begin(), tail.end()) < 2) continue;
      if (fs::is_directory(root_ / tail, error)) return root_ / tail;
    }
    if (there.code() == Code::Denied) return there.status();
    return Status(Code::NotFound, "its files are not there: " + printable(path));
  }

  Result<fs::path> logged_model(const std::string& id) const {
    if (check_file_name(id).ok()) {
      for (const fs::path& experiment : entries_of(root_, is_directory)) {
        const fs::path files = experiment / "models" / id / "artifacts";
        if (is_there(files)) return files;
      }
    }
    return Status(Code::NotFound, "its files are not there: model " + printable(id));
  }

  // "runs:/<run id>/<path>".
  Result<fs::path> artifacts_of_run(const std::string& uri) const {
    const fs::path rest = fs::path(uri.substr(uri.find(':') + 1)).relative_path();
    const std::string id = rest.empty() ? "" : rest.begin()->string();
    for (const fs::path& experiment : entries_of(root_, is_directory)) {
      if (!check_file_name(id).ok() || !is_there(experiment / id / "meta.yaml")) continue;
      const auto run = read_yaml_file(roots_, experiment / id / "meta.yaml");
      if (!run.ok()) return run.status();
      return files_at(text_of(*run, "artifact_uri") + "/" + rest.lexically_relative(id).string());
    }
    return Status(Code::NotFound, "its files are not there: run " + printable(id));
  }

  OrderedJson document_of(const std::string& name, const fs::path& model, const fs::path& path,
                          const nlohmann::json& meta, const fs::path& files,
                          const std::map<std::string, std::string>& aliases) const {
    const auto described = read_yaml_file(roots_, files / "MLmodel");
    const nlohmann::json flavors =
        described.ok() && described->is_object() ? described->value("flavors", nlohmann::json()) : nlohmann::json();
    const auto registered = read_yaml_file(roots_, model / "meta.yaml");
    OrderedJson document;
    document["model"] = {{"domain", name}};
    // Every model has the flavour python_function; the other one says what it is.
    for (const auto& [flavor, value] : flavors.items()) {
      const bool is_first = !document["model"].contains("model_type");
      if (is_first || flavor != "python_function") document["model"]["model_type"] = {{"library", flavor}};
    }
    const nlohmann::json function =
        flavors.is_object() ? flavors.value("python_function", nlohmann::json()) : nlohmann::json();
    const std::string python = text_of(function, "python_version");
    const std::string user = text_of(meta, "user_id");
    document["code"] = {{"runtime", python.empty() ? "unknown" : "python:" + python},
                        {"user", user.empty() ? "unknown" : user},
                        {"created", created_text(text_of(meta, "creation_timestamp"))},
                        {"dependencies", OrderedJson::object()}};
    OrderedJson& own = document["mlflow"];
    own = {{"name", name}};
    for (const char* key : {"version", "run_id", "model_id", "source", "run_link", "description", "current_stage"}) {
      const std::string text = text_of(meta, key);
      if (!text.empty() && text != "None") own[key] = text;
    }
    const std::string about = registered.ok() ? text_of(*registered, "description") : "";
    if (!about.empty()) own["model_description"] = about;
    OrderedJson named = OrderedJson::array();
    for (const auto& [alias, version] : aliases) {
      if (version == text_of(meta, "version")) named.push_back(alias);
    }
    if (!named.empty()) own["aliases"] = std::move(named);
    if (const auto tags = values_in(roots_, path / "tags"); !tags.empty()) own["tags"] = tags;
    if (const auto tags = values_in(roots_, model / "tags"); !tags.empty()) own["model_tags"] = tags;
    return document;
  }

  void leave_what_is_not_registered() {
    const auto holds_model = [](const fs::directory_entry& entry) { return is_there(entry.path() / "MLmodel"); };
    for (const fs::path& experiment : entries_of(root_, is_directory)) {
      if (experiment.filename() == "models") continue;
      for (const fs::path& run : entries_of(experiment, is_directory)) {
        for (const fs::path& files : entries_of(run / "artifacts", holds_model)) leave_unless_taken(files);
      }
      for (const fs::path& model : entries_of(experiment / "models", is_directory)) {
        if (is_there(model / "artifacts" / "MLmodel")) leave_unless_taken(model / "artifacts");
      }
    }
  }
  void leave_unless_taken(const fs::path& files) {
    if (!taken_.contains(real_path(files))) leave(files, "a model that is not registered");
  }

  const fs::path root_;
  const ImportRoots& roots_;
  ImportPlan plan_;
  std::set<fs::path> taken_;
};

}  // namespace

bool is_mlflow_store(const fs::path& root) {
  for (const fs::path& model : entries_of(root / "models", is_directory)) {
    if (is_there(model / "meta.yaml")) return true;
  }
  return false;
}

ImportPlan plan_mlflow(const fs::path& root, const ImportRoots& roots) { return MlflowPlan(root, roots).run(); }

}  // namespace modelfs
