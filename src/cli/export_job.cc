#include "cli/export_job.h"

#include "base/names.h"
#include "cli/interrupt.h"

namespace modelfs {

using Json = nlohmann::json;

Result<Json> ExportJob::list(const std::string& verb, const std::string& path) {
  Json items = Json::array();
  Json fields = Json::object();
  if (!path.empty()) fields["path"] = path;
  const auto answer = channel_.call(Channel::request(verb, std::move(fields)), [&](Message part) {
    for (Json& item : part.body.at("items")) items.push_back(std::move(item));
    return check_interrupt();
  });
  if (!answer.ok()) return answer.status();
  return items;
}

Result<ExportBytes> ExportJob::archive(const std::string& path, const std::string& suffix) {
  const auto opened = channel_.call(Channel::request("archive.open", {{"path", path}, {"suffix", suffix}}));
  if (!opened.ok()) return opened.status();
  const auto read = [this](std::uint64_t offset) -> Result<std::string> {
    auto part = channel_.call(Channel::request("archive.read", {{"offset", offset}}));
    if (!part.ok()) return part.status();
    if (Status status = on_progress(part->bytes.size()); !status.ok()) return status;
    return std::move(part->bytes);
  };
  return ExportBytes{opened->body.at("size").get<std::uint64_t>(), read};
}

Status ExportJob::on_progress(std::uint64_t done_bytes) {
  done_bytes_ += done_bytes;
  progress_.show(done_bytes_, 0);
  return check_interrupt();
}

void ExportJob::add(std::string path, const ExportPath& file, Kept kept) {
  std::string name;
  for (const std::string& part : file) name += (name.empty() ? "" : "/") + part;
  if (kept == Kept::Different) return leave(std::move(path), name + " exists with other content");
  done_.push_back({std::move(path), std::move(name), kept == Kept::Written});
}

void ExportJob::leave(std::string path, std::string reason) { left_.push_back({std::move(path), std::move(reason)}); }

Status ExportJob::leave_removed(const std::string& domain) {
  const auto removed = list("removed", domain);
  if (!removed.ok()) return leave_or_end(domain, removed.status());
  for (const Json& each : *removed) {
    leave(domain + "/" + each.at("name").get<std::string>(), "removed; `modelfs restore` brings it back");
  }
  return {};
}

Status ExportJob::leave_or_end(const std::string& path, const Status& status) {
  const Code code = status.code();
  if (code == Code::NoSpace || code == Code::Denied || code == Code::Interrupted || code == Code::IoError) {
    return {code, printable(path) + ": " + status.message()};
  }
  leave(path, status.message());
  return {};
}

}  // namespace modelfs
