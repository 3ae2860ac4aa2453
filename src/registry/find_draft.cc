// Where a draft lies, and who may come to it: for those who name drafts by a path and ask no kernel.
#include <sys/stat.h>

#include <algorithm>

#include "registry/registry.h"

namespace modelfs {

Status Registry::check_disclosing(const Credentials& who, Ino ino, std::uint32_t mode_mask,
                                  std::string_view what) const {
  const auto inode = drafts_->stat(ino);
  if (!inode.ok()) return inode.status();
  Ownership owner = inode->record.owner;
  owner.mode &= mode_mask;
  return authorise_disclosing(who, owner, inode->record.type, what);
}

namespace {

// A committed place on the way to a draft: a domain, its `.stage`, or a release.
struct PassedPlace {
  Ino ino = kNoIno;
  bool is_stage = false;
};
Result<PassedPlace> committed_place(const Snapshot& stored, std::optional<DomainName>& domain, Ino at,
                                    std::string_view name) {
  if (!domain) {
    auto parsed = DomainName::parse(name);
    const auto head = parsed.ok() ? stored.domain(*parsed) : Result<DomainRecord>(parsed.status());
    if (!head.ok()) return head.status();
    domain = *parsed;
    return PassedPlace{head->ino, false};
  }
  const auto head = stored.domain(*domain);
  if (!head.ok()) return head.status();
  if (at != head->ino) return Status(Code::NotFound, "no draft");
  if (name == kStageName) return PassedPlace{Registry::stage_of(*head), true};
  const auto release = stored.release(*domain, name);
  return release.ok() ? Result<PassedPlace>(PassedPlace{release->ino, false}) : release.status();
}

}  // namespace

Result<Registry::FoundDraft> Registry::find_draft(std::string_view path, const Credentials& who) {
  const auto stored = snapshot();
  if (!stored.ok()) return stored.status();
  FoundDraft place;
  place.entry = {kRootIno, FileType::Directory};
  std::string walked;
  std::optional<DomainName> domain;
  Ownership owner;  // of what `place` is, as it is presented
  bool in_drafts = false;
  bool is_stage = false;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (name.empty()) continue;
    if (in_drafts || domain) {
      if (Status status = authorise(who, owner, Right::Search, walked); !status.ok()) return status;
    }
    walked += (walked.empty() ? "" : "/") + printable(name);
    const Ino at = place.entry.ino;
    const auto entry = drafts_->lookup(at, name);
    if (entry.ok()) {
      const auto inode = drafts_->stat(entry->ino);
      if (!inode.ok()) return inode.status();
      const bool is_sticky = domain && (!in_drafts || (owner.mode & S_ISVTX) != 0);
      place = {at, std::string(name), *entry, owner, domain && !in_drafts && !is_stage, is_sticky};
      owner = inode->record.owner;
      if (place.is_in_place) owner.mode &= kInPlaceModeMask;
      in_drafts = true;
      continue;
    }
    if (in_drafts) return Status(Code::NotFound, "no draft " + walked);
    const auto passed = committed_place(*stored, domain, at, name);
    if (!passed.ok()) return Status(Code::NotFound, "no draft " + walked);
    is_stage = passed->is_stage;
    const auto head = stored->domain(*domain);
    if (!head.ok()) return head.status();
    owner = head->owner;
    place = {at, std::string(name), {passed->ino, FileType::Directory}, owner, false, false};
  }
  if (!in_drafts) return Status(Code::NotFound, walked.empty() ? "a draft needs a path" : walked + " is not a draft");
  return place;
}

}  // namespace modelfs
