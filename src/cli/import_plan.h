// Plans an import: what a directory of another system contains, and what each part becomes.
#pragma once
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/send_put.h"

namespace modelfs {

struct ImportItem {
  PutSource source;
  std::string target;  // "churn/1.2.0", "churn/1.2.0/4"
};

// A name for a version, to be set when its release is there.
struct ImportLabel {
  std::string domain;
  std::string label;
  std::string version;
};

// Something that is not imported.
struct ImportLeft {
  std::string path;
  std::string reason;
};

struct ImportPlan {
  std::string layout;  // "modelstore", "forml", "mlflow"
  // In the order in which they must be published: the oldest first, and a release before its generations.
  std::vector<ImportItem> items;
  std::vector<ImportLabel> labels;
  std::vector<ImportLeft> left;
};

// Knows three layouts, by what lies in the directory:
//   modelstore  operatorai-model-store/<domain>/versions/<id>.json, with the archive that it names (one of today's, or
//               of the layouts before). Each model becomes the release <domain>/<id>, with that document.
//   forml       <project>/<version>/package.4ml, a file or directory; and <version>/<number>/tag.toml beside states.
//               They become releases and their generations.
//   mlflow      models/<name>/version-<number>/meta.yaml, or mlruns/models/…: see import_mlflow.h.
// Reads names and documents, no models, and nothing outside of the directory and `more_roots` (import_roots.h): what
// leads there is left. Unsupported: none of these. Messages name the path.
Result<ImportPlan> plan_import(const std::string& directory, const std::vector<std::string>& more_roots);

}  // namespace modelfs
