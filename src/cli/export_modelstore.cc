#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/names.h"
#include "cli/export_job.h"
#include "cli/output.h"
#include "formats/metadata_splice.h"
#include "formats/modelstore_document.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

constexpr const char* kStoreName = "operatorai-model-store";
constexpr const char* kArchiveName = "artifacts.tar.gz";
constexpr std::int64_t kNsInSecond = 1'000'000'000;

std::string string_of(const Json& document, const char* key) { return document.value(key, std::string()); }

// "2026.11.21-21.22.47", as modelstore names a directory, of any text whose digits are a time's.
std::string stamp_of(std::string_view time) {
  constexpr std::string_view kForm = "0000.00.00-00.00.00";
  std::string stamp(time.substr(0, kForm.size()));
  if (stamp.size() < kForm.size()) return "";
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool is_digit = stamp[i] >= '0' && stamp[i] <= '9';
    if (is_digit != (kForm[i] == '0')) return "";
    if (!is_digit) stamp[i] = kForm[i];
  }
  return stamp;
}

// The directory that the document's own path names, where it is one of today's layout.
std::string stamp_in(const std::string& path, const std::string& model_id) {
  const std::string tail = "/" + model_id + "/" + kArchiveName;
  if (!path.ends_with(tail)) return "";
  const std::string above = path.substr(0, path.size() - tail.size());
  const std::string stamp = above.substr(above.rfind('/') + 1);
  return stamp_of(stamp) == stamp ? stamp : "";
}

// Ok for an id that modelstore itself would accept.
Status check_model_id(const std::string& id) {
  if (Status status = check_file_name(id + ".json"); !status.ok()) return status;
  if (Status status = check_file_name(id); !status.ok()) return status;
  if (id.find_first_of(" <>:\"/\\|?*#^`%~{}[]") == std::string::npos) return {};
  return {Code::InvalidArgument, "its document's id '" + printable(id) + "' is not an id that modelstore accepts"};
}

// The document of a release that was published without one in modelstore's form.
Result<MetadataFacts> facts_of(const Json& release, const std::string& domain, const std::string& model_id) {
  const std::string digest = string_of(release, "digest");
  const auto content = Digest::from_hex(std::string_view(digest).substr(digest.find(':') + 1));
  if (!content.ok()) return content.status();
  MetadataFacts facts;
  facts.domain = domain;
  facts.model_id = model_id.empty() ? string_of(release, "model_id") : model_id;
  facts.version = string_of(release, "version");
  facts.digest = *content;
  facts.sequence = Sequence{release.at("sequence").get<std::uint64_t>()};
  facts.files = release.at("files").get<std::uint64_t>();
  facts.bytes = release.at("bytes").get<std::uint64_t>();
  facts.published_by = string_of(release, "published_by");
  facts.program = string_of(release, "program");
  facts.created = TimeNs{parse_time(string_of(release, "published")) * kNsInSecond};
  return facts;
}

class DomainExport {
 public:
  DomainExport(ExportJob& job, std::string domain) : job_(job), domain_(std::move(domain)) {}

  Status run() {
    auto releases = job_.list("releases", domain_);
    if (!releases.ok()) return job_.leave_or_end(domain_, releases.status());
    // The newest is last, as in the order of their creation.
    std::reverse(releases->begin(), releases->end());
    for (const Json& release : *releases) {
      const std::string path = domain_ + "/" + string_of(release, "version");
      Status status = add(release, path);
      if (!status.ok()) status = job_.leave_or_end(path, status);
      if (!status.ok()) return status;
      for (const Json& label : release.value("labels", Json::array())) {
        job_.leave(domain_ + "/" + label.get<std::string>(), "a label; modelstore has none");
      }
    }
    if (Status status = add_states(); !status.ok()) return status;
    if (Status status = job_.leave_removed(domain_); !status.ok()) return status;
    return say_which_is_newest();
  }

 private:
  // The document with all that modelstore's reader needs, before it says where the model is stored.
  struct Document {
    std::string text;
    ModelstoreFacts facts;
    std::string extra;  // what was given with the release, where that reader does not take it
  };

  Result<Document> document_of(const Json& release, const std::string& path) {
    auto shown = job_.channel().call(Channel::request("show", {{"path", path}}));
    if (!shown.ok()) return shown.status();
    Document document{std::move(shown->bytes), {}, {}};
    document.facts = read_modelstore_document(document.text);
    if (document.facts.is_readable) return document;
    if (release.at("metadata_given").get<bool>()) {
      const auto facts = facts_of(release, domain_, document.facts.model_id);
      if (!facts.ok()) return facts.status();
      document.extra = std::exchange(document.text, make_modelstore_document(*facts, ""));
    } else {
      document.text = shape_for_modelstore(document.text, "");
    }
    document.facts = read_modelstore_document(document.text);
    return document;
  }

  Status add(const Json& release, const std::string& path) {
    auto document = document_of(release, path);
    if (!document.ok()) return document.status();
    const std::string& id = document->facts.model_id;
    if (Status status = check_model_id(id); !status.ok()) return status;
    if (document->facts.domain != domain_) {
      job_.leave(path, "its document says that its domain is '" + printable(document->facts.domain) + "'");
      return {};
    }
    std::string stamp = stamp_in(document->facts.path, id);
    if (stamp.empty()) stamp = stamp_of(document->facts.created);
    if (stamp.empty()) stamp = stamp_of(string_of(release, "published"));
    const ExportPath archive{kStoreName, domain_, stamp, id, kArchiveName};
    auto text = placed(document->text, archive);
    if (!text.ok()) return text.status();
    // Last, since with it the document may be larger and nest deeper than what we parse.
    if (!document->extra.empty()) text = with_extra(*std::move(text), document->extra);
    return write(release, path, archive, {kStoreName, domain_, "versions", id + ".json"}, *std::move(text));
  }

  Result<std::string> placed(const std::string& document, const ExportPath& archive) const {
    const std::string& root = job_.into().path();
    std::string path = root == "/" ? "" : root;
    for (const std::string& part : archive) path += "/" + part;
    auto text = splice_storage(document, root, path);
    // One of a bucket, say, has no path to replace.
    return text.code() == Code::NotFound ? replace_storage(document, root, path) : text;
  }

  Status write(const Json& release, const std::string& path, const ExportPath& archive, const ExportPath& version,
               std::string text) {
    auto kept = job_.into().look(version, export_text(text));
    if (kept.ok() && *kept != Kept::Different) {
      // A release that was uploaded as a gzip-compressed tar is exported as those very bytes.
      const std::string suffix = string_of(release, "archive") == ".tgz" ? ".tgz" : ".tar.gz";
      const auto bytes = job_.archive(path, suffix);
      if (!bytes.ok()) return bytes.status();
      const auto there = job_.into().write(archive, *bytes);
      if (!there.ok()) return there.status();
      if (*there == Kept::Different) {
        job_.add(path, archive, *there);
        return {};
      }
      kept = job_.into().write(version, export_text(text));
      if (kept.ok() && *kept == Kept::Same) kept = there;
    }
    if (!kept.ok()) return kept.status();
    job_.add(path, version, *kept);
    if (*kept == Kept::Different) return {};
    texts_.insert(text);
    written_[string_of(release, "version")] = {version.back(), text};
    newest_ = std::move(text);
    return leave_generations(release, path);
  }

  // As its client does: the document once more, in the state's directory, and one that says that there is such a state.
  Status add_states() {
    const auto states = job_.list("states", domain_);
    if (!states.ok()) return job_.leave_or_end(domain_, states.status());
    for (const Json& each : *states) {
      const std::string state = string_of(each, "state");
      const std::string name = domain_ + "/" + string_of(each, "version") + " in the state " + state;
      const auto found = written_.find(string_of(each, "version"));
      if (found == written_.end()) {
        job_.leave(name, "a state of a release that is not exported");
        continue;
      }
      const auto& [file, text] = found->second;
      const ExportPath marker{kStoreName, domain_, "versions", state, file};
      const auto kept = job_.into().write(marker, export_text(text));
      const Status status = kept.ok() ? say_that_there_is(state, text) : job_.leave_or_end(name, kept.status());
      if (!status.ok()) return status;
      if (kept.ok() && *kept == Kept::Different) job_.add(name, marker, *kept);
    }
    return {};
  }

  // The time is that of a model in it, so that the next export writes the same.
  Status say_that_there_is(const std::string& state, const std::string& text) {
    const ExportPath path{kStoreName, "model_states", state + ".json"};
    const auto there = job_.into().read(path);
    if (!there.ok() || *there) return there.status();
    const Json document{{"created", read_modelstore_document(text).created}, {"state_name", state}};
    const std::string written = document.dump();
    return job_.into().write(path, export_text(written)).status();
  }

  // Those that were published with the release are in its archive.
  Status leave_generations(const Json& release, const std::string& path) {
    const auto count = release.at("generations").get<std::uint64_t>();
    for (std::uint64_t number = 1; number <= count; ++number) {
      const std::string generation = path + "/" + std::to_string(number);
      const auto shown = job_.channel().call(Channel::request("show", {{"path", generation}}));
      if (!shown.ok()) return shown.status();
      if (shown->body.at("package").at("sequence") == release.at("sequence")) continue;
      job_.leave(generation, "a generation; modelstore has none");
    }
    return {};
  }

  // domains/<domain>.json is the document of the model that was published last. One that an earlier export wrote is
  // updated; any other stays.
  Status say_which_is_newest() {
    if (!newest_) return {};
    const ExportPath path{kStoreName, "domains", domain_ + ".json"};
    const auto there = job_.into().read(path);
    if (!there.ok()) return job_.leave_or_end(domain_, there.status());
    if (*there && **there != *newest_ && texts_.contains(**there)) return job_.into().replace(path, *newest_);
    const auto kept = job_.into().write(path, export_text(*newest_));
    if (!kept.ok()) return job_.leave_or_end(domain_, kept.status());
    if (*kept == Kept::Different) job_.add(domain_, path, *kept);
    return {};
  }

  ExportJob& job_;
  const std::string domain_;
  std::set<std::string> texts_;  // of all documents that stand there as we write them
  std::optional<std::string> newest_;
  std::map<std::string, std::pair<std::string, std::string>> written_;  // by version: its document's name and text
};

}  // namespace

Status export_modelstore(ExportJob& job, const std::string& domain) { return DomainExport(job, domain).run(); }

}  // namespace modelfs
