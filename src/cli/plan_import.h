// Finds out what a directory of another system holds.
#pragma once
#include <string>
#include <vector>

#include "cli/import_plan.h"
#include "os/mountinfo.h"

namespace modelfs {

// Ok, unless `path`, absolute and without symlinks, is all that a modelfs mount of `table` shows, or its view for
// modelstore's client: taken for a modelstore, its releases would lose their names and labels. Then the message says
// how they are copied. Directories in a mount, as that of an MLflow store, are not meant.
Status check_not_ours(const std::vector<Mount>& table, const std::string& path);

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
