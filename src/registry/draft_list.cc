#include "registry/draft_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "formats/modelstore_document.h"

namespace modelfs {
namespace {

// A draft directory with fewer levels than this is hashed up without fear for the stack: the walk is iterative anyway,
// and the bound only ends what a damaged parent would make endless.
constexpr std::size_t kDraftEntriesMax = 10'000'000;

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
  if (name == kStageName) return PassedPlace{stage_of(*head), true};
  const auto release = stored.release(*domain, name);
  return release.ok() ? Result<PassedPlace>(PassedPlace{release->ino, false}) : release.status();
}

}  // namespace

Result<std::vector<DraftSummary>> DraftList::list(std::optional<uid_t> owner) {
  const auto stored = core_.snapshot();
  if (!stored.ok()) return stored.status();
  std::vector<DraftSummary> found;
  Status failed;
  const auto summarise = [&](Ino place, const std::string& prefix, bool names_versions) {
    const auto names = core_.drafts().tree().list(place);
    if (!names.ok()) {
      failed = names.status();
      return;
    }
    for (const DraftName& name : *names) {
      auto summary = summarise_draft(name);
      if (!summary.ok()) {
        if (summary.code() != Code::NotFound) failed = summary.status();
        continue;
      }
      summary->path = prefix + printable(name.name);
      summary->under_version = names_versions && name.type == FileType::Directory && check_name(name.name).ok();
      if (!owner || summary->owner.uid == *owner) found.push_back(std::move(*summary));
    }
  };
  summarise(kRootIno, "", false);
  const Status walked = stored->for_each_domain([&](const DomainName& domain, const DomainRecord& head) {
    summarise(head.ino, domain.str() + "/", true);
    summarise(stage_of(head), domain.str() + "/.stage/", false);
    summarise(head.uploads(), ".modelfs/drafts/" + domain.str() + "/", false);
    // Archives that wait for their document. Why not what is empty: its client leaves directories behind.
    const std::size_t before = found.size();
    summarise(head.modelstore(), std::string(kModelstoreName) + "/" + domain.str() + "/", false);
    found.erase(std::remove_if(found.begin() + static_cast<std::ptrdiff_t>(before), found.end(),
                               [](const DraftSummary& each) { return each.files == 0; }),
                found.end());
    const Status releases = stored->for_each_release(domain, [&](const ReleaseRecord& release) {
      summarise(release.ino, domain.str() + "/" + release.version + "/", false);
      return failed.ok();
    });
    if (failed.ok()) failed = releases;
    return failed.ok();
  });
  if (!walked.ok()) return walked;
  if (!failed.ok()) return failed;
  return found;
}

Result<DraftSummary> DraftList::summarise_draft(const DraftName& draft) {
  DraftSummary summary;
  std::vector<DraftName> rest{draft};
  for (std::size_t seen = 0; !rest.empty() && seen < kDraftEntriesMax; ++seen) {
    const DraftName at = std::move(rest.back());
    rest.pop_back();
    const auto inode = core_.drafts().tree().stat(at.ino);
    if (!inode.ok()) {
      if (at.ino == draft.ino) return inode.status();
      continue;  // removed meanwhile
    }
    if (at.ino == draft.ino) summary.owner = inode->record.owner;
    summary.changed = std::max(summary.changed, inode->mtime);
    if (inode->record.type == FileType::Regular) {
      ++summary.files;
      summary.bytes += inode->size_bytes;
    }
    if (inode->record.type != FileType::Directory) continue;
    auto names = core_.drafts().tree().list(at.ino);
    if (!names.ok()) return names.status();
    std::move(names->begin(), names->end(), std::back_inserter(rest));
  }
  return summary;
}

Status DraftList::check_disclosing(const Credentials& who, Ino ino, std::uint32_t mode_mask,
                                   std::string_view what) const {
  const auto inode = core_.drafts().tree().stat(ino);
  if (!inode.ok()) return inode.status();
  Ownership owner = inode->record.owner;
  owner.mode &= mode_mask;
  return authorise_disclosing(who, owner, inode->record.type, what);
}

Result<FoundDraft> DraftList::find(std::string_view path, const Credentials& who) {
  const auto stored = core_.snapshot();
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
    const auto entry = core_.drafts().tree().lookup(at, name);
    if (entry.ok()) {
      const auto inode = core_.drafts().tree().stat(entry->ino);
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
