#include "cli/plan_import.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include "base/names.h"
#include "base/path.h"
#include "cli/directory_entries.h"
#include "cli/import_mlflow.h"
#include "cli/import_roots.h"
#include "cli/location.h"
#include "formats/modelstore_document.h"
#include "formats/pep440.h"

namespace modelfs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVersions = "versions";
constexpr const char* kDeletedState = "modelstore-deleted";
constexpr const char* kHowToCopy =
    "a release is copied with `modelfs get MOUNT/DOMAIN/VERSION DIR` and `modelfs put DIR OTHER/DOMAIN/VERSION`, "
    "labels are "
    "set with `modelfs label`, and a whole store is copied with `cp -a` while it is not mounted";

bool is_document(const fs::directory_entry& entry) {
  return entry.path().extension() == ".json" && !is_directory(entry);
}

// The text behind `"created": "`, which sorts as its time does; empty: none.
std::string created_of(const std::string& document) {
  constexpr std::string_view kKey = "\"created\": \"";
  const std::size_t at = document.find(kKey);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + kKey.size();
  return document.substr(begin, document.find('"', begin) - begin);
}

// More than the registry accepts, so that it is the registry that refuses.
constexpr std::size_t kDocumentReadBytesMax = 2 << 20;

Result<std::string> read_document(const ImportRoots& roots, const fs::path& path) {
  auto text = roots.read(path, kDocumentReadBytesMax);
  if (text.ok() && !is_utf8(*text)) return Status(Code::Malformed, printable(path.string()) + ": it is no UTF-8");
  return text;
}

class ModelstorePlan {
 public:
  ModelstorePlan(fs::path root, const ImportRoots& roots) : root_(std::move(root)), roots_(roots) {
    plan_.layout = "modelstore";
  }

  ImportPlan run() {
    for (const fs::path& domain : entries_of(root_, is_directory)) {
      if (is_there(domain / kVersions)) add_domain(domain);
    }
    leave_empty_states();
    // What modelstore takes for the newest becomes `latest` here. Times are whole seconds.
    std::stable_sort(models_.begin(), models_.end(), [](const Model& one, const Model& other) {
      return std::tie(one.is_newest, one.created) < std::tie(other.is_newest, other.created);
    });
    for (Model& model : models_) plan_.items.push_back(std::move(model.item));
    return std::move(plan_);
  }

 private:
  struct Model {
    bool is_newest = false;  // of its domain, as modelstore has it
    std::string created;
    ImportItem item;
  };

  void leave(const fs::path& path, std::string reason) { plan_.left.push_back({path.string(), std::move(reason)}); }

  // Archives by what a document's path of one ends in: "/<domain>/…/artifacts.tar.gz".
  std::map<std::string, fs::path> archives_of(const fs::path& domain) const {
    std::map<std::string, fs::path> found;
    std::error_code error;
    for (fs::recursive_directory_iterator each(domain, error), end; !error && each != end; each.increment(error)) {
      const std::string name = each->path().filename().string();
      if (name == "artifacts.tar.gz" || name == "archive.tar.gz") {
        found["/" + each->path().lexically_relative(root_).string() + "\""] = each->path();
      }
    }
    return found;
  }

  void add_domain(const fs::path& domain) {
    const auto archives = archives_of(domain);
    std::set<std::string> taken;
    const auto newest = read_document(roots_, root_ / "domains" / (domain.filename().string() + ".json"));
    for (const fs::path& path : entries_of(domain / kVersions, is_document)) {
      auto document = read_document(roots_, path);
      if (!document.ok()) {
        leave(path, document.status().message());
        continue;
      }
      const auto archive = std::find_if(archives.begin(), archives.end(), [&](const auto& each) {
        return document->find(each.first) != std::string::npos;
      });
      if (archive == archives.end()) {
        leave(path, "the archive that it names is not there");
        continue;
      }
      taken.insert(archive->first);
      const auto place = roots_.find(archive->second);
      if (!place.ok()) {
        leave(path, place.status().message());
        continue;
      }
      const std::string created = created_of(*document);
      const bool is_newest = newest.ok() && *newest == *document;
      PutSource source{archive->second.string(), ".tar.gz", std::move(*document), *place};
      models_.push_back(
          {is_newest, created, {std::move(source), domain.filename().string() + "/" + path.stem().string()}});
    }
    for (const auto& [tail, path] : archives) {
      if (!taken.contains(tail)) leave(path, "no model's document names it");
    }
    for (const fs::path& state : entries_of(domain / kVersions, is_directory)) add_state(domain, state);
  }

  void add_state(const fs::path& domain, const fs::path& state) {
    for (const fs::path& marker : entries_of(state, is_document)) {
      const std::string target = domain.filename().string() + "/" + marker.stem().string();
      const bool is_there = std::any_of(models_.begin(), models_.end(),
                                        [&target](const Model& model) { return model.item.target == target; });
      if (state.filename() == kDeletedState) {
        leave(marker, "a deleted model");
      } else if (!is_there) {
        leave(marker, "a state of a model that is not imported");
      } else {
        plan_.states.push_back({marker.string(), target, state.filename().string()});
      }
    }
  }

  void leave_empty_states() {
    for (const fs::path& path : entries_of(root_ / "model_states", is_document)) {
      const std::string name = path.stem().string();
      const auto is_it = [&name](const ImportState& each) { return each.state == name; };
      if (name != kDeletedState && std::none_of(plan_.states.begin(), plan_.states.end(), is_it)) {
        leave(path, "a state that no imported model is in");
      }
    }
  }

  const fs::path root_;
  const ImportRoots& roots_;
  ImportPlan plan_;
  std::vector<Model> models_;
};

class FormlPlan {
 public:
  FormlPlan(fs::path root, const ImportRoots& roots) : root_(std::move(root)), roots_(roots) { plan_.layout = "forml"; }

  ImportPlan run() {
    for (const fs::path& project : entries_of(root_, is_visible_directory)) {
      auto releases = entries_of(project, is_visible_directory);
      std::stable_sort(releases.begin(), releases.end(), is_lower);
      for (const fs::path& release : releases) add_release(project.filename().string(), release);
    }
    return std::move(plan_);
  }

 private:
  static bool is_visible_directory(const fs::directory_entry& entry) {
    return is_directory(entry) && !entry.path().filename().string().starts_with('.');
  }
  // Those that are no versions first: they are refused, or conflict with none.
  static bool is_lower(const fs::path& one, const fs::path& other) {
    const auto version = Pep440::parse(one.filename().string());
    const auto second = Pep440::parse(other.filename().string());
    if (!version || !second) return version.has_value() < second.has_value();
    return *version < *second;
  }

  // False: it lies outside, and is left. So is then what would build on it.
  bool add(const fs::path& path, const char* suffix, std::string target) {
    const auto place = roots_.find(path);
    if (place.ok()) {
      plan_.items.push_back({{path.string(), suffix, std::nullopt, *place}, std::move(target)});
    } else {
      plan_.left.push_back({path.string(), place.status().message()});
    }
    return place.ok();
  }

  void add_release(const std::string& project, const fs::path& release) {
    const fs::path package = release / "package.4ml";
    if (!is_there(package)) return plan_.left.push_back({release.string(), "it has no package.4ml"});
    const std::string target = project + "/" + release.filename().string();
    std::error_code error;
    const bool packed = !fs::is_directory(package, error);
    if (!add(package, packed ? ".4ml" : "", target)) return;
    std::map<std::uint64_t, fs::path> generations;
    for (const fs::path& each : entries_of(release, is_visible_directory)) {
      const auto number = parse_generation(each.filename().string());
      if (!number.ok()) continue;
      if (!is_there(each / "tag.toml")) {
        plan_.left.push_back({each.string(), "it has no tag.toml: never completed"});
        continue;
      }
      generations[raw(*number)] = each;
    }
    for (const auto& [number, path] : generations) {
      if (!add(path, "", target + "/" + std::to_string(number))) break;
    }
    for (const fs::path& state : entries_of(release / ".stage", [](const auto&) { return true; })) {
      plan_.left.push_back({state.string(), "a state that no generation names"});
    }
  }

  const fs::path root_;
  const ImportRoots& roots_;
  ImportPlan plan_;
};

bool is_forml_registry(const fs::path& root) {
  for (const fs::path& project : entries_of(root, is_directory)) {
    for (const fs::path& release : entries_of(project, is_directory)) {
      if (is_there(release / "package.4ml")) return true;
    }
  }
  return false;
}

}  // namespace

Status check_not_ours(const std::vector<Mount>& table, const std::string& path) {
  const auto location = locate_on(table, path);
  if (!location) return {};
  const std::vector<std::string> parts = split_path(location->path);
  if (!parts.empty() && parts.front() != kModelstoreName) return {};
  return {Code::Unsupported,
          printable(path) + ": a modelfs mount, of which an import would rename all versions and lose the labels; " +
              kHowToCopy + ". To import a store of MLflow that lies in it, name its directory"};
}

Result<ImportPlan> plan_import(const std::string& directory, const std::vector<std::string>& more_roots) {
  const fs::path root(directory);
  std::error_code error;
  if (!fs::is_directory(root, error)) return Status(Code::NotFound, printable(directory) + ": no such directory");
  const auto roots = ImportRoots::open(directory, more_roots);
  if (!roots.ok()) return roots.status();
  if (is_there(root / kModelstoreName)) return ModelstorePlan(root / kModelstoreName, *roots).run();
  if (is_there(root / "domains") && root.filename() == kModelstoreName) return ModelstorePlan(root, *roots).run();
  if (is_mlflow_store(root)) return plan_mlflow(root, *roots);
  if (is_mlflow_store(root / "mlruns")) return plan_mlflow(root / "mlruns", *roots);
  if (is_forml_registry(root)) return FormlPlan(root, *roots).run();
  if (is_there(root / "FORMAT")) {
    return Status(Code::Unsupported,
                  printable(directory) + ": a modelfs store; `modelfs mount` shows what is in it, and " + kHowToCopy);
  }
  return Status(Code::Unsupported, printable(directory) +
                                       ": neither a modelstore (operatorai-model-store/), nor a registry of ForML "
                                       "(PROJECT/VERSION/package.4ml), nor an MLflow store with registered models "
                                       "(models/NAME/meta.yaml)");
}

}  // namespace modelfs
