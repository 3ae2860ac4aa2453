#include "ingest/forml_tag_upload.h"

#include <algorithm>
#include <vector>

#include "formats/forml_tag.h"

namespace modelfs {

namespace {

// Other trainers may move states into the draft until it is frozen; each try means that one has.
constexpr int kTriesMax = 1000;

}  // namespace

Status FormlTagUploads::unstage_others(const TagRequest& request, std::unordered_set<std::string> wanted) {
  const auto names = registry_.drafts().tree().list(request.draft);
  if (!names.ok()) return names.status();
  std::vector<std::string> others;
  for (const DraftName& each : *names) {
    if (each.type != FileType::Regular || wanted.erase(each.name) == 0) others.push_back(each.name);
  }
  if (!wanted.empty()) {
    return {Code::NotFound, "tag.toml names the state " + *wanted.begin() + ", which is not in '" +
                                printable(request.draft_name) + "'; move it there first"};
  }
  if (others.empty()) return {};
  auto stage = registry_.drafts().tree().lookup(request.release, kStageName);
  if (!stage.ok()) {
    const NewDraft fresh{FileType::Directory, {request.who.uid, request.who.gid, 0755}, ""};
    const auto made = registry_.drafts().tree().make(request.release, kStageName, fresh);
    if (!made.ok()) return made.status();
    stage = DraftEntry{made->ino, FileType::Directory};
  }
  for (const std::string& name : others) {
    if (Status status = registry_.drafts().tree().rename(request.draft, name, stage->ino, name, false); !status.ok()) {
      return {status.code(),
              "'" + printable(name) + "' is no state of this tag and cannot go back to .stage: " + status.message()};
    }
  }
  return {};
}

Result<Published> FormlTagUploads::publish(const TagRequest& request) {
  const MutexLock only(mutexes_[raw(request.draft) % mutexes_.size()]);
  const auto sealed = registry_.drafts().sealer().seal(request.file);
  if (!sealed.ok()) return sealed.status();
  const auto refused = [&](const Status& status) {
    return Status(status.code(), request.target.str() + ": " + status.message());
  };
  const auto text = (*sealed)->text(kTagBytesMax);
  if (!text.ok()) return refused(text.status());
  const auto tag = parse_tag(*text);
  if (!tag.ok()) return refused(tag.status());
  std::unordered_set<std::string> states;
  for (const std::string& state : tag->states) states.insert(state + std::string(kStateSuffix));
  DraftMarker marker{**sealed, request.directory, request.name, std::string(kTagName), states};
  PublishRequest publication{request.draft, request.release,  request.draft_name,  request.target,
                             request.who,   HashBudget::Full, request.on_published};
  publication.marker = &marker;
  const auto release = [&]() -> Result<ReleaseRecord> {
    const auto stored = registry_.snapshot();
    return stored.ok() ? stored->release(request.target.domain, request.target.version.str()) : stored.status();
  }();
  if (!release.ok()) return release.status();
  if (request.target.number && raw(*request.target.number) <= raw(release->last_generation)) {
    return refused({Code::AlreadyExists, "another trainer has published that generation; use the next number"});
  }
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (Status status = unstage_others(request, states); !status.ok()) return refused(status);
    auto published = registry_.publish(publication);
    if (published.code() != Code::Conflict) return published;
  }
  return refused({Code::Busy, "others move files into the draft without end"});
}

}  // namespace modelfs
