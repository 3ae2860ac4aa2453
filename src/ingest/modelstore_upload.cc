#include "ingest/modelstore_upload.h"

#include <optional>
#include <span>

#include "base/log.h"
#include "base/path.h"
#include "formats/metadata.h"
#include "formats/modelstore_document.h"

namespace modelfs {
namespace {

// A draft file by its path in a draft directory.
struct FoundFile {
  Ino file = kNoIno;
  UploadPlacement at;  // without the path
};
std::optional<FoundFile> find_file(const DraftStore& drafts, Ino base, std::span<const std::string> path) {
  FoundFile found;
  Ino at = base;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto entry = drafts.tree().lookup(at, path[i]);
    if (!entry.ok()) return std::nullopt;
    const bool is_last = i + 1 == path.size();
    if (entry->type != (is_last ? FileType::Regular : FileType::Directory)) return std::nullopt;
    if (is_last) found = {entry->ino, {at, path[i], ""}};
    at = entry->ino;
  }
  return path.empty() ? std::nullopt : std::optional(found);
}

// The archive of a document, by the end of the path in it: that begins after the domain's name, which may stand in the
// path more than once.
std::optional<FoundFile> find_archive(const DraftStore& drafts, const ModelRequest& request, std::string_view path) {
  const auto components = split_path(path);
  for (std::size_t i = 0; i < components.size(); ++i) {
    if (components[i] != request.domain.str()) continue;
    const auto tail = std::span(components).subspan(i + 1);
    auto found = find_file(drafts, request.base, tail);
    if (!found) continue;
    found->at.path = request.base_path;
    for (const std::string& each : tail.first(tail.size() - 1)) found->at.path += "/" + each;
    return found;
  }
  return std::nullopt;
}

}  // namespace

// Denied: who publishes may not read the archive, or not search a directory on its path.
Status ModelstoreUploads::check_archive_path(const ModelRequest& request, Ino file, Ino directory) const {
  const auto stored = registry_.snapshot();
  if (!stored.ok()) return stored.status();
  const auto head = stored->domain(request.domain);
  if (!head.ok()) return head.status();
  const auto mask = [&](Ino parent) { return parent == head->ino ? kInPlaceModeMask : 07777u; };
  if (Status status =
          registry_.draft_list().check_disclosing(request.who, file, mask(directory), "the archive that it names");
      !status.ok()) {
    return status;
  }
  while (directory != request.base) {
    const auto inode = registry_.drafts().tree().stat(directory);
    if (!inode.ok()) return inode.status();
    Ownership owner = inode->record.owner;
    owner.mode &= mask(inode->record.parent);
    if (Status status = authorise(request.who, owner, Right::Search, "the directory of the archive"); !status.ok()) {
      return status;
    }
    directory = inode->record.parent;
  }
  return {};
}

Result<Published> ModelstoreUploads::publish_archive(const ModelRequest& request, Ino file, const UploadPlacement& at,
                                                     std::string document) {
  ArchiveRequest publication{file,
                             at.directory,
                             at.name,
                             std::string(face_suffix(at.name)),
                             {request.domain, request.model_id, false, std::nullopt},
                             request.who,
                             request.on_published};
  publication.metadata = std::move(document);
  publication.placement = at;
  publication.replaces_removed = true;
  return archives_.publish(publication);
}

Result<Published> ModelstoreUploads::publish_file(const ModelRequest& request, Ino file, const UploadPlacement& at,
                                                  std::string document) {
  const auto head = registry_.domains().find(request.domain);
  if (!head.ok()) return head.status();
  if (Status status = authorise(request.who, head->owner, Right::Publish, request.domain.str()); !status.ok())
    return status;
  std::unique_ptr<SealedFile> sealed;
  if (file != kNoIno) {
    auto taken = registry_.drafts().sealer().seal(file);
    if (!taken.ok()) return taken.status();
    sealed = *std::move(taken);
  }
  auto draft = archives_.make_directory(request.file, *head, request.who);
  if (!draft.ok()) return draft.status();
  PublishRequest publication{
      (*draft)->root(), head->unpacking(), (*draft)->name(),    {request.domain, request.model_id, false, std::nullopt},
      request.who,      HashBudget::Full,  request.on_published};
  publication.metadata = std::move(document);
  publication.replaces_removed = true;
  std::optional<DraftMarker> only;
  if (sealed) {
    publication.marker = &only.emplace(DraftMarker{*sealed, at.directory, at.name, at.name, {}});
    publication.placement = at;
  }
  auto published = registry_.publish(publication);
  if (published.ok() && !published->already) (*draft)->published();
  draft->reset();
  registry_.garbage().sweep_later();
  return published;
}

Result<Published> ModelstoreUploads::publish(const ModelRequest& request) {
  const std::string what = request.domain.str() + "/versions/" + request.model_id.str() + ".json";
  const auto refused = [&](Code code, const std::string& why) { return Status(code, what + ": " + why); };
  auto sealed = registry_.drafts().sealer().seal(request.file);
  if (!sealed.ok()) return sealed.status();
  auto read = (*sealed)->text(kMetadataBytesMax);
  if (!read.ok()) return refused(read.code(), read.status().message());
  std::string& text = *read;
  if (Status status = check_given_metadata(text); !status.ok()) return refused(status.code(), status.message());
  const ModelstoreFacts given = read_modelstore_document(text);
  if (given.domain != request.domain.str() || given.model_id != request.model_id.str()) {
    return refused(Code::Malformed,
                   "it is about the model '" + printable(given.domain) + "/" + printable(given.model_id) + "'");
  }
  const auto found = find_archive(registry_.drafts(), request, given.path);
  if (!found && !given.path.empty()) {
    return refused(Code::NotFound,
                   "the archive that it names is not here: '" + printable(given.path) + "'; upload that first");
  }
  if (found) {
    if (Status status = check_archive_path(request, found->file, found->at.directory); !status.ok()) {
      return refused(status.code(), status.message());
    }
  }
  auto published =
      found && format_of_suffix(face_suffix(found->at.name))
          ? publish_archive(request, found->file, found->at, std::move(text))
          : publish_file(request, found ? found->file : kNoIno, found ? found->at : UploadPlacement{}, std::move(text));
  // No later close of the metadata would learn of the archive's.
  if (published.code() == Code::Conflict) return refused(Code::Busy, "its archive: " + published.status().message());
  if (!published.ok()) return published;
  sealed->reset();
  if (Status removed = registry_.drafts().tree().unlink(request.directory, request.name); !removed.ok()) {
    log::warn("an upload stays behind: {}", removed.message());
  }
  return published;
}

}  // namespace modelfs
