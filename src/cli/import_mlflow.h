// Plans the import of an MLflow file store.
#pragma once
#include <filesystem>

#include "cli/import_plan.h"
#include "cli/import_roots.h"

namespace modelfs {

// True for a directory such as `mlruns` in which models are registered: models/<name>/meta.yaml.
bool is_mlflow_store(const std::filesystem::path& root);

// A registered model becomes a domain, a version of it the release of the same number, so that `models:/churn/3` and
// /churn/3 are one thing; an alias becomes a label. What MLflow knows of a version goes into its document. A version
// whose files lie outside of `roots` is left.
ImportPlan plan_mlflow(const std::filesystem::path& root, const ImportRoots& roots);

}  // namespace modelfs
