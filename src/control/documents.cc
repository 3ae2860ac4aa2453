#include "control/documents.h"

#include "registry/access.h"
#include "registry/events.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

const char* type_name(FileType type) {
  switch (type) {
    case FileType::Regular: return "file";
    case FileType::Directory: return "directory";
    case FileType::Symlink: return "symlink";
  }
  return "unknown";
}

Json owner_document(const Ownership& owner) {
  return {{"uid", owner.uid}, {"gid", owner.gid}, {"owner", user_name(owner.uid)}, {"mode", mode_text(owner.mode)}};
}

}  // namespace

std::string mode_text(std::uint32_t mode) {
  std::string digits;
  for (int shift = 9; shift >= 0; shift -= 3) digits += static_cast<char>('0' + (mode >> shift & 7));
  return digits;
}

Json domain_document(const DomainName& name, const DomainRecord& domain) {
  Json document = owner_document(domain.owner);
  document["domain"] = name.str();
  document["created"] = iso_time(domain.created);
  document["changed"] = iso_time(domain.changed);
  document["sequence"] = raw(domain.last);
  return document;
}

Json release_document(const ReleaseRecord& release) {
  return {{"version", release.version},
          {"model_id", release.model_id},
          {"sequence", raw(release.sequence)},
          {"digest", digest_text(release.digest)},
          {"published", iso_time(release.published)},
          {"published_by", release.published_by},
          {"program", release.program},
          {"metadata_given", release.metadata_given},
          {"archive", release.archive_suffix},
          {"files", release.file_count},
          {"bytes", release.total_bytes},
          {"generations", raw(release.last_generation)},
          {"takes_generations", release.takes_generations}};
}

Json generation_document(const GenerationRecord& generation) {
  return {{"generation", raw(generation.number)},     {"sequence", raw(generation.sequence)},
          {"digest", digest_text(generation.digest)}, {"published", iso_time(generation.published)},
          {"published_by", generation.published_by},  {"metadata_given", generation.metadata_given},
          {"archive", generation.archive_suffix},     {"files", generation.file_count},
          {"bytes", generation.total_bytes}};
}

Json label_document(std::string_view name, const LabelRecord& label) {
  return {{"label", name},
          {"version", label.version},
          {"sequence", raw(label.sequence)},
          {"changed", iso_time(label.changed)},
          {"by", user_name(label.uid)}};
}

Json history_document(const HistoryRecord& history) {
  Json document{{"sequence", raw(history.sequence)},
                {"deed", operation_name(history.operation)},
                {"time", iso_time(history.when)},
                {"by", history.who},
                {"uid", history.uid}};
  // As they were called before events had the same names.
  document["when"] = document["time"];
  document["who"] = document["by"];
  if (!history.host.empty()) document["host"] = history.host;
  if (!history.version.empty()) document["version"] = history.version;
  if (history.generation != kNoGeneration) document["generation"] = raw(history.generation);
  if (!history.label.empty()) document["label"] = history.label;
  if (!history.previous.empty()) document["previous"] = history.previous;
  if (!history.state.empty()) document["state"] = history.state;
  if (!history.reason.empty()) document["reason"] = history.reason;
  if (history.digest) document["digest"] = digest_text(*history.digest);
  return document;
}

Json published_document(const Published& published) {
  Json document{{"domain", published.domain},
                {"version", published.version},
                {"sequence", raw(published.sequence)},
                {"model_id", published.model_id},
                {"digest", digest_text(published.digest)},
                {"files", published.file_count},
                {"bytes", published.total_bytes},
                {"already_published", published.already}};
  if (published.generation != kNoGeneration) {
    document["generation"] = raw(published.generation);
  } else {
    document["generations"] = published.generation_count;
  }
  return document;
}

Json draft_document(const DraftSummary& draft) {
  Json document = owner_document(draft.owner);
  document["path"] = draft.path;
  document["under_version"] = draft.under_version;
  document["files"] = draft.files;
  document["bytes"] = draft.bytes;
  document["changed"] = iso_time(draft.changed);
  return document;
}

Json entry_document(const Manifest& manifest, std::uint32_t index) {
  const ManifestEntry& entry = manifest.at(index);
  Json document{{"path", manifest.path_of(index)},
                {"type", type_name(entry.type)},
                {"mode", mode_text(entry.mode)},
                {"mtime", iso_time(entry.mtime)},
                {"mtime_ns", raw(entry.mtime)}};
  if (entry.type == FileType::Symlink) document["target"] = entry.target;
  if (entry.type != FileType::Regular) return document;
  document["size"] = entry.size_bytes;
  document["allocated"] = entry.allocated_bytes;
  document["digest"] = digest_text(entry.hash.digest);
  if (entry.link_count > 1) document["hardlink_group"] = raw(entry.ino);
  return document;
}

}  // namespace modelfs
