// The requests that publish, label and remove.
#include "base/names.h"
#include "control/dispatcher.h"
#include "control/documents.h"
#include "control/fields.h"
#include "control/resolve.h"
#include "registry/access.h"
#include "registry/events.h"

namespace modelfs {
namespace {

Message published_answer(const Published& published) {
  Message answer;
  answer.body["published"] = published_document(published);
  return answer;
}

// What its commit has answered.
Result<Published> published_before(const Snapshot& stored, const NamedThing& thing) {
  const ReleaseRecord& release = *thing.release;
  Published published;
  published.domain = thing.domain.str();
  published.version = release.version;
  published.model_id = release.model_id;
  published.already = true;
  if (thing.generation) {
    published.generation = thing.generation->number;
    published.sequence = thing.generation->sequence;
    published.digest = thing.generation->digest;
    published.file_count = thing.generation->file_count;
    published.total_bytes = thing.generation->total_bytes;
    return published;
  }
  published.sequence = release.sequence;
  published.digest = release.digest;
  published.file_count = release.file_count;
  published.total_bytes = release.total_bytes;
  for (std::uint64_t number = 1; number <= raw(release.last_generation); ++number) {
    const auto generation = stored.generation(thing.domain, release.sequence, Generation{number});
    if (!generation.ok()) return generation.status();
    if (generation->sequence != release.sequence) break;  // it and all later ones came by themselves
    published.file_count += generation->file_count;
    published.total_bytes += generation->total_bytes;
    ++published.generation_count;
  }
  return published;
}

// The version that `name` stands for in the domain: itself, unless it is `latest` or a label.
Result<NamedThing> release_at(Registry& registry, const Credentials& who, std::string_view path) {
  const auto snapshot = registry.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  return resolve_package(*snapshot, who, path);
}

// Ok if the peer may publish into the domain that `path` begins with.
Status authorise_publishing(Registry& registry, const Credentials& who, std::string_view path) {
  const std::vector<std::string> parts = split_path(path);
  const auto domain = DomainName::parse(parts.empty() ? "" : parts[0]);
  if (!domain.ok()) return domain.status();
  const auto snapshot = registry.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  const auto head = snapshot->domain(*domain);
  if (!head.ok()) return head.status();
  return authorise(who, head->owner, Right::Publish, domain->str());
}

// A target as people write it: for a generation, `latest` and labels are followed to the release.
Result<Target> target_at(Registry& registry, const Credentials& who, const std::string& path) {
  const std::vector<std::string> parts = split_path(path);
  if (parts.size() != 3) return Target::parse(path);
  const auto release = release_at(registry, who, parts[0] + "/" + parts[1]);
  if (!release.ok()) return release.status();
  return Target::parse(release->str() + "/" + parts[2]);
}

// What a draft becomes by its own place: "churn/1.2.0", "churn/1.2.0/next". InvalidArgument: it does not lie under such
// a name.
Result<Target> own_target(const std::string& path) {
  auto target = Target::parse(path);
  if (target.ok()) return target;
  return Status(Code::InvalidArgument, "'" + printable(path) +
                                           "' does not lie under a version's name; say what it is to " +
                                           "become, as in `modelfs commit DRAFT DOMAIN/VERSION`");
}

// Whether the draft at `path` keeps its directory when it becomes `target`.
bool stays_in_directory(const std::string& path, const Target& target) {
  std::vector<std::string> directory = split_path(path);
  directory.pop_back();
  std::vector<std::string> wanted{target.domain.str()};
  if (target.is_generation) wanted.push_back(target.version.str());
  return directory == wanted;
}

}  // namespace

Dispatcher::Answer Dispatcher::put_begin(Message& request, const Emit&) {
  auto target = target_at(context_.registry, who_, text_field(request.body, "target"));
  if (!target.ok()) return target.status();
  put_.reset();
  const std::string archive = text_or(request.body, "archive", "");
  if (!archive.empty() && !format_of_suffix(archive))
    throw BadField("unknown archive suffix '" + printable(archive) + "'");
  auto session = PutSession::begin(context_, who_, *std::move(target), archive);
  if (!session.ok()) return session.status();
  put_ = *std::move(session);
  if (request.body.contains("metadata")) put_->set_metadata(text_field(request.body, "metadata"));
  return Message();
}

Dispatcher::Answer Dispatcher::put_entries(Message& request, const Emit& emit) {
  if (!put_) throw BadField("no put was begun");
  auto say = progress_through(emit);
  const Status status = put_->add(request, [&say](std::uint64_t copied_bytes) { return say(copied_bytes, 0); });
  if (!status.ok()) put_.reset();
  if (!status.ok()) return status;
  return Message();
}

Dispatcher::Answer Dispatcher::put_data(Message& request, const Emit&) {
  if (!put_) throw BadField("no put was begun");
  Status status;
  if (!request.bytes.empty()) status = put_->write(number_field(request.body, "offset"), request.bytes);
  if (status.ok() && truth_or(request.body, "last", false)) status = put_->end_chunks();
  if (!status.ok()) put_.reset();
  if (!status.ok()) return status;
  return Message();
}

Dispatcher::Answer Dispatcher::put_commit(Message& request, const Emit&) {
  if (!put_) throw BadField("no put was begun");
  const auto mode = static_cast<std::uint32_t>(number_field(request.body, "mode"));
  const auto published = put_->commit(mode, TimeNs{signed_field(request.body, "mtime_ns")});
  put_.reset();
  if (!published.ok()) return published.status();
  return published_answer(*published);
}

Dispatcher::Answer Dispatcher::put_abort(Message&, const Emit&) {
  put_.reset();
  return Message();
}

// There is no draft at `path`. If what it was to become is there under that very name, the commit is done already, as a
// repeated put is. What was to get another name cannot be compared any more: then the message says what has that name.
Dispatcher::Answer Dispatcher::committed_before(const Message& request, const std::string& path,
                                                const Status& missing) {
  const std::string target = text_or(request.body, "target", path);
  const auto snapshot = context_.registry.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  const auto thing = resolve_package(*snapshot, who_, target);
  if (!thing.ok() || split_path(thing->str()) != split_path(target)) return missing;
  const auto published = published_before(*snapshot, *thing);
  if (!published.ok()) return published.status();
  if (split_path(path) == split_path(target)) return published_answer(*published);
  return Status(Code::NotFound,
                missing.message() + "; " + thing->str() + " is published, with " + digest_text(published->digest));
}

Dispatcher::Answer Dispatcher::commit(Message& request, const Emit&) {
  const std::string path = text_field(request.body, "draft");
  // First, so that no user learns the names of drafts in a domain that they may not publish into.
  if (Status status = authorise_publishing(context_.registry, who_, path); !status.ok()) return status;
  const auto place = context_.registry.draft_list().find(path, who_);
  if (place.code() == Code::NotFound) return committed_before(request, path, place.status());
  if (!place.ok()) return place.status();
  if (place->entry.type != FileType::Directory) {
    return Status(Code::NotADirectory, "'" + printable(path) +
                                           "' is a file, and a release is a directory; `modelfs put " +
                                           "DIRECTORY DOMAIN/VERSION` publishes one");
  }
  const auto inode = context_.registry.drafts().tree().stat(place->entry.ino);
  if (!inode.ok()) return inode.status();
  const std::string what = "the draft " + printable(path);
  // As rename(2) checks it, which removes the name and needs write access to what it moves.
  const std::uint32_t mode_mask = place->is_in_place ? kInPlaceModeMask : 07777;
  Ownership owner = inode->record.owner;
  owner.mode &= mode_mask;
  if (Status status = authorise(who_, place->directory_owner, Right::Publish, "the directory of " + what);
      !status.ok()) {
    return status;
  }
  if (Status status = place->is_sticky ? authorise_moving(who_, owner.uid, place->directory_owner.uid, what) : Status();
      !status.ok()) {
    return status;
  }
  if (Status status = authorise(who_, owner, Right::Publish, what); !status.ok()) return status;
  auto target = request.body.contains("target") ? target_at(context_.registry, who_, text_field(request.body, "target"))
                                                : own_target(path);
  if (!target.ok()) return target.status();
  PublishRequest wanted{place->entry.ino, place->directory,           place->name, *target, who_,
                        HashBudget::Full, context_.hooks.on_published};
  wanted.mode_mask = mode_mask;
  const bool moves = !stays_in_directory(path, *target);
  // Why before as well: a concurrent rename may find the new name before we have announced that the old one is gone.
  if (moves) context_.moved_away(place->directory, place->name);
  const auto published = context_.registry.publish(wanted);
  if (!published.ok()) return published.status();
  if (moves) context_.moved_away(place->directory, place->name);
  return published_answer(*published);
}

Dispatcher::Answer Dispatcher::set_label(Message& request, const Emit&) {
  const auto domain = DomainName::parse(text_field(request.body, "domain"));
  if (!domain.ok()) return domain.status();
  const std::string label = text_field(request.body, "label");
  const std::string reason = text_or(request.body, "reason", "");
  const auto record = context_.registry.labels().set(*domain, label, text_field(request.body, "version"), who_, reason);
  return label_answer(*domain, label, record);
}

Dispatcher::Answer Dispatcher::roll_back_label(Message& request, const Emit&) {
  const auto domain = DomainName::parse(text_field(request.body, "domain"));
  if (!domain.ok()) return domain.status();
  const std::string label = text_field(request.body, "label");
  const std::string reason = text_or(request.body, "reason", "");
  return label_answer(*domain, label, context_.registry.labels().roll_back(*domain, label, who_, reason));
}

Dispatcher::Answer Dispatcher::label_answer(const DomainName& domain, const std::string& label,
                                            const Result<LabelRecord>& set) {
  if (!set.ok()) return set.status();
  context_.domain_changed(domain);
  Message answer;
  answer.body["label"] = label_document(label, *set);
  return answer;
}

Dispatcher::Answer Dispatcher::set_state(Message& request, const Emit&) {
  return change_state(request, &ModelStates::set);
}

Dispatcher::Answer Dispatcher::clear_state(Message& request, const Emit&) {
  return change_state(request, &ModelStates::clear);
}

Dispatcher::Answer Dispatcher::change_state(const Message& request, ChangeState change) {
  const auto thing = release_at(context_.registry, who_, text_field(request.body, "path"));
  if (!thing.ok()) return thing.status();
  const std::string state = text_field(request.body, "state");
  const Status status = (context_.registry.model_states().*change)(thing->domain, thing->release->version, state, who_);
  return status.ok() ? Answer(Message()) : Answer(status);
}

Dispatcher::Answer Dispatcher::remove_label(Message& request, const Emit&) {
  const auto domain = DomainName::parse(text_field(request.body, "domain"));
  if (!domain.ok()) return domain.status();
  const Status status = context_.registry.labels().remove(*domain, text_field(request.body, "label"), who_,
                                                          text_or(request.body, "reason", ""));
  if (!status.ok()) return status;
  context_.domain_changed(*domain);
  return Message();
}

Dispatcher::Answer Dispatcher::remove(Message& request, const Emit&) {
  const std::string path = text_field(request.body, "path");
  if (const auto parts = split_path(path); parts.size() == 1) {
    const auto domain = DomainName::parse(parts[0]);
    return domain.ok() ? remove_domain(*domain) : Answer(domain.status());
  }
  const auto thing = release_at(context_.registry, who_, path);
  if (!thing.ok()) return thing.status();
  if (thing->generation) {
    return Status(Code::NotPermitted, thing->str() + " is a generation; only whole releases can be removed");
  }
  // Why: `rm churn/prod` would remove the release that the label names, where the label was meant.
  if (split_path(path)[1] != thing->release->version) {
    return Status(Code::InvalidArgument,
                  "'" + printable(path) + "' stands for " + thing->str() +
                      "; name the release itself, or remove a label with `modelfs label --remove`");
  }
  const Status status = context_.registry.trash().remove(thing->domain, thing->release->version, who_);
  if (!status.ok()) return status;
  context_.moved_away(thing->head.ino, thing->release->version);
  context_.domain_changed(thing->domain);
  Message answer;
  answer.body = {{"domain", thing->domain.str()}, {"version", thing->release->version}};
  return answer;
}

Dispatcher::Answer Dispatcher::restore(Message& request, const Emit&) {
  const std::vector<std::string> parts = split_path(text_field(request.body, "path"));
  if (parts.size() != 2) return Status(Code::InvalidArgument, "write what to restore as DOMAIN/VERSION");
  const auto domain = DomainName::parse(parts[0]);
  if (!domain.ok()) return domain.status();
  const Status status = context_.registry.trash().restore(*domain, parts[1], who_);
  if (!status.ok()) return status;
  context_.domain_changed(*domain);
  Message answer;
  answer.body = {{"domain", domain->str()}, {"version", parts[1]}};
  return answer;
}

}  // namespace modelfs
