// One export: what both layouts need for it, and what they report.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/export_directory.h"
#include "cli/progress.h"
#include "control/channel.h"

namespace modelfs {

// Used by one thread.
class ExportJob {
 public:
  struct Done {
    std::string path;  // in the registry: "churn/1.2.0", "churn/1.2.0/4"
    std::string file;  // in the directory
    bool is_new = false;
  };
  struct Left {
    std::string path;
    std::string reason;
  };

  // Both outlive it.
  ExportJob(Channel& channel, ExportDirectory& into) : channel_(channel), into_(into), progress_("export") {}

  Channel& channel() { return channel_; }
  ExportDirectory& into() { return into_; }
  const std::vector<Done>& done() const { return done_; }
  const std::vector<Left>& left() const { return left_; }

  // The items of a list of the registry.
  Result<nlohmann::json> list(const std::string& verb, const std::string& path);
  // The bytes of what `path` names in the registry as an archive. Valid until the next call.
  Result<ExportBytes> archive(const std::string& path, const std::string& suffix);
  // For other reads of bytes from the registry.
  Status on_progress(std::uint64_t done_bytes);

  void add(std::string path, const ExportPath& file, Kept kept);
  void leave(std::string path, std::string reason);
  // Says of each removed release of the domain that it is left out.
  Status leave_removed(const std::string& domain);
  // Ok for an error that concerns this one thing, which is skipped. Otherwise the next one would fail for the same
  // reason.
  Status leave_or_end(const std::string& path, const Status& status);

 private:
  Channel& channel_;
  ExportDirectory& into_;
  Progress progress_;
  std::uint64_t done_bytes_ = 0;
  std::vector<Done> done_;
  std::vector<Left> left_;
};

// Writes a domain as a modelstore: operatorai-model-store/<domain>/<stamp>/<id>/artifacts.tar.gz, …/versions/<id>.json
// and domains/<domain>.json, in this order for each model, so that a model is there when its document is. The id is the
// one that the document names. Not ok: the whole export ends.
Status export_modelstore(ExportJob& job, const std::string& domain);

// Writes a domain as a project of ForML's posix registry: <project>/<release>/package.4ml, a file where it was uploaded
// as one, and <n>/ with its states and tag.toml. Not ok: the whole export ends.
Status export_forml(ExportJob& job, const std::string& domain);

}  // namespace modelfs
