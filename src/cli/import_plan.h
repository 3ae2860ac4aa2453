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

// A set of releases of modelstore, and one that is in it.
struct ImportState {
  std::string path;  // of what says so
  std::string target;
  std::string state;
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
  std::vector<ImportState> states;
  std::vector<ImportLeft> left;
};

}  // namespace modelfs
