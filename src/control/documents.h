// What exists, as JSON: the documents that are sent over the socket and printed by `--json`.
#pragma once
#include <nlohmann/json.hpp>

#include "catalog/manifest.h"
#include "catalog/records.h"
#include "registry/registry.h"

namespace modelfs {

// "0755".
std::string mode_text(std::uint32_t mode);

nlohmann::json domain_document(const DomainName& name, const DomainRecord& domain);
nlohmann::json release_document(const ReleaseRecord& release);
nlohmann::json generation_document(const GenerationRecord& generation);
nlohmann::json label_document(std::string_view name, const LabelRecord& label);
nlohmann::json history_document(const HistoryRecord& history);
nlohmann::json published_document(const Published& published);
nlohmann::json draft_document(const DraftSummary& draft);
// A file, directory or symlink of a package. "hardlink_group" is there for files that have several names in it.
nlohmann::json entry_document(const Manifest& manifest, std::uint32_t index);

}  // namespace modelfs
