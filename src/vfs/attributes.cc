// What stat, chmod, chown, utimens and the xattr calls do.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/time.h"
#include "vfs/state.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

constexpr std::string_view kOwnAttributes = "user.modelfs.";
constexpr std::string_view kCommitAttribute = "user.modelfs.commit";
constexpr std::string_view kErrorAttribute = "user.modelfs.error";
constexpr std::string_view kReadModeAttribute = "user.modelfs.read_mode";
constexpr std::uint32_t kRootMode = 0755;

}  // namespace

Ownership FileSystem::State::root_owner() const {
  const auto kept = registry.drafts().tree().stat(kRootIno);
  if (kept.ok() && kept->record.owner.mode != 0) return kept->record.owner;
  return {options.owner_uid, options.owner_gid, kRootMode};
}

Attributes FileSystem::State::describe_inode(const DraftInode& inode, bool in_place, bool believed) const {
  Attributes shown;
  if (believed) shown.valid_seconds = kToldSeconds;
  shown.ino = inode.ino;
  shown.type = inode.record.type;
  shown.mode = inode.record.owner.mode & 07777;
  // Why: what lies under a version's name is nobody's business until it is committed.
  if (in_place) shown.mode &= kInPlaceModeMask;
  shown.link_count = inode.record.link_count;
  shown.uid = inode.record.owner.uid;
  shown.gid = inode.record.owner.gid;
  shown.size_bytes = inode.size_bytes;
  shown.blocks = inode.blocks;
  shown.atime = inode.atime;
  shown.mtime = inode.mtime;
  shown.ctime = inode.ctime;
  return shown;
}

Result<Attributes> FileSystem::State::describe(const KnownNode& node, const Snapshot* stored) {
  const Node& place = node.place;
  if (place.kind == Kind::Draft) {
    const auto inode = registry.drafts().tree().stat(place.ino);
    if (!inode.ok()) return inode.status();
    return describe_inode(*inode, node.in_place, place.in_stage);
  }
  if (place.kind == Kind::MountFile) return documents.describe(place);
  if (stored != nullptr) return describe_committed(*stored, place);
  const auto now_stored = moment();
  return now_stored.ok() ? describe_committed(*now_stored, place) : now_stored.status();
}

Result<Attributes> FileSystem::State::describe_committed(const Snapshot& stored, const Node& place) {
  std::uint64_t content_bytes = 0;
  if (place.kind == Kind::Text) {
    const auto text = layouts.of(place).text(context(stored), place);
    if (!text.ok()) return text.status();
    content_bytes = text->size();
  } else if (place.kind == Kind::Archive) {
    const auto size = registry.archives().size_bytes(face_of(place));
    if (!size.ok()) return size.status();
    content_bytes = *size;
  }
  auto shown = layouts.of(place).attributes(context(stored), place, content_bytes);
  if (shown.ok() && layouts.holds_drafts(place)) {
    shown->mtime = std::max(shown->mtime, registry.drafts().tree().names_changed(place.ino));
    shown->ctime = std::max(shown->ctime, shown->mtime);
    shown->atime = shown->mtime;
  }
  return shown;
}

Result<Attributes> FileSystem::stat(const Credentials&, Ino ino) {
  const auto node = state_->node(ino);
  if (!node.ok()) return node.status();
  if (Status status = state_->check_face(node->place); !status.ok()) return status;
  auto shown = state_->describe(*node);
  // A draft that was published a moment ago: its node has flipped since.
  if (!shown.ok() && node->place.kind == Kind::Draft) {
    const auto again = state_->node(ino);
    if (again.ok() && again->place.kind != Kind::Draft) return state_->describe(*again);
  }
  return shown;
}

bool FileSystem::may_block_setattr(Ino ino, const Change& change) {
  if (may_block_commit(ino)) return true;
  return change.values.mode ? state_->client_writes.packages.may_publish(ino) : change.values.size_bytes.has_value();
}

Result<Attributes> FileSystem::setattr(const Credentials& who, Ino ino, const Change& change) {
  const auto node = state_->node(ino);
  if (!node.ok()) return node.status();
  const Node& place = node->place;
  const DraftChange& values = change.values;
  if (place.kind == Kind::Draft) {
    if (change.handle && values.size_bytes) {
      const auto handle = state_->handles.find(*change.handle);
      if (!handle.ok()) return handle.status();
      if (!(*handle)->draft || !(*handle)->draft->writes()) return Status(Code::BadHandle, "not open for writing");
    }
    const auto inode =
        state_->registry.drafts().attributes().setattr(ino, values, [&] { return state_->options.is_killed(who.pid); });
    if (!inode.ok()) return inode.status();
    if (values.mode && (*values.mode & (S_ISUID | S_ISGID)) != 0) ++state_->set_ids_given;
    auto& packages = state_->client_writes.packages;
    if (packages.ends_copy(who, place, values)) {
      if (Status status = packages.publish_copy(who, ino); !status.ok()) return status;
      return stat(who, ino);
    }
    return state_->describe_inode(*inode, node->in_place, place.in_stage);
  }
  if (values.size_bytes && change.handle) {  // a file that is written anew
    const auto handle = state_->handles.find(*change.handle);
    if (handle.ok() && (*handle)->draft && (*handle)->draft->writes() && (*handle)->ino != ino) {
      if (Status status = (*handle)->draft->file().truncate(*values.size_bytes); !status.ok()) return status;
      return state_->describe(*node);
    }
  }
  if (values.size_bytes) {
    return place.type == FileType::Directory ? Status(Code::IsADirectory, "a directory has no size to set")
                                             : Status(Code::Immutable, "what is published never changes");
  }
  const bool sets_owner = values.mode || values.uid || values.gid;
  if (sets_owner && (place.kind == Kind::Domain || place.kind == Kind::Root)) {
    auto shown = state_->describe(*node);
    if (!shown.ok()) return shown;
    Ownership owner{shown->uid, shown->gid, shown->mode};
    if (values.mode) owner.mode = *values.mode & 07777;
    if (values.uid) owner.uid = *values.uid;
    if (values.gid) owner.gid = *values.gid;
    if (place.kind == Kind::Root) {
      if (Status status = state_->registry.drafts().tree().set_place_owner(kRootIno, owner); !status.ok())
        return status;
      state_->kernel.invalidate_attributes(kRootIno);
    } else {
      const auto name = DomainName::parse(place.domain);
      const auto changed = state_->registry.domains().set_owner(*name, owner, who);
      if (!changed.ok()) return changed.status();
      domain_changed(*name);
    }
  } else if (sets_owner && place.kind != Kind::Entry && place.kind != Kind::Text && place.kind != Kind::Archive &&
             place.kind != Kind::Link) {
    return Status(Code::NotPermitted, "its owner and mode follow the domain's; change those");
  }
  // Programs set times and modes after the close: on what is committed that succeeds and changes nothing.
  return state_->describe(*node);
}

Result<std::string> FileSystem::read_link(Ino ino) {
  const auto node = state_->node(ino);
  if (!node.ok()) return node.status();
  const Node& place = node->place;
  if (place.type != FileType::Symlink) return Status(Code::InvalidArgument, "not a symlink");
  if (place.kind == Kind::Link) return place.target;
  if (place.kind == Kind::Entry) {
    const auto container = state_->cache.find(place.container);
    if (!container.ok()) return container.status();
    return (*container)->manifest->at(place.index).target;
  }
  const auto inode = state_->registry.drafts().tree().stat(ino);
  if (!inode.ok()) return inode.status();
  return inode->record.target;
}

// Extended attributes.

namespace {

Status unknown_namespace(std::string_view name) {
  // The kernel asks for it before every write; it must hear that there is none.
  if (name == "security.capability") return {Code::NoAttribute, "no such attribute"};
  // Why not "none" for the rest, ACLs and labels: then ls -l asks again for each file.
  return {Code::Unsupported, "only user.* attributes are kept"};
}

}  // namespace

Result<std::string> FileSystem::getxattr(const Credentials& who, Ino ino, std::string_view name) {
  const auto node = state_->node(ino);
  if (!node.ok()) return node.status();
  if (!name.starts_with("user.")) return unknown_namespace(name);
  const Node& place = node->place;
  const Status none(Code::NoAttribute, "no attribute " + printable(name));
  if (name == kErrorAttribute) {
    auto reason = state_->refusals.find(ino, who.uid);
    return reason ? Result<std::string>(*std::move(reason)) : none;
  }
  if (place.kind == Kind::Draft) {
    if (name.starts_with(kOwnAttributes)) return none;
    return state_->registry.drafts().attributes().getxattr(ino, name);
  }
  if (name == kReadModeAttribute) return state_->read_mode_of(place);
  if (place.kind != Kind::Entry) return none;
  const auto container = state_->cache.find(place.container);
  if (!container.ok()) return container.status();
  const ManifestEntry& entry = (*container)->manifest->at(place.index);
  if (!name.starts_with(kOwnAttributes)) {
    const auto& all = entry.attributes;
    const auto found = std::find_if(all.begin(), all.end(), [&](const Attribute& each) { return each.name == name; });
    return found != all.end() ? Result<std::string>(found->value) : none;
  }
  if (name == "user.modelfs.digest" && entry.type == FileType::Regular) return "sha256:" + entry.hash.digest.hex();
  if (place.index != 0) return none;
  if (name == "user.modelfs.digest" && place.is_release) {
    const auto stored = state_->moment();
    if (!stored.ok()) return stored.status();
    const auto release = stored->release_of(**container);
    return release.ok() ? Result<std::string>("sha256:" + release->digest.hex()) : release.status();
  }
  if (name == "user.modelfs.digest") return "sha256:" + (*container)->manifest->content_digest().hex();
  if (name == "user.modelfs.name") {
    return place.is_release ? (*container)->version : std::to_string(raw((*container)->generation));
  }
  return none;
}

Result<std::vector<std::string>> FileSystem::listxattr(Ino ino) {
  const auto node = state_->node(ino);
  if (!node.ok()) return node.status();
  // Our own are not listed: copying programs would carry them along.
  const Node& place = node->place;
  if (place.kind == Kind::Draft) return state_->registry.drafts().attributes().listxattr(ino);
  std::vector<std::string> names;
  if (place.kind != Kind::Entry) return names;
  const auto container = state_->cache.find(place.container);
  if (!container.ok()) return container.status();
  for (const Attribute& each : (*container)->manifest->at(place.index).attributes) names.push_back(each.name);
  return names;
}

Status FileSystem::setxattr(const Credentials& who, Ino ino, std::string_view name, std::string_view value,
                            AttributeMode mode) {
  const auto node = state_->node(ino);
  if (!node.ok()) return node.status();
  if (!name.starts_with("user.")) return {Code::Unsupported, "only user.* attributes are kept"};
  const Node& place = node->place;
  if (name == kCommitAttribute) {
    if (place.kind != Kind::Draft) return {Code::AlreadyExists, "it is published already"};
    if (place.type != FileType::Directory) {
      return state_->refuse(who, ino, "commit",
                            {Code::NotADirectory, "a release is a directory, and this is a file: move it into a " +
                                                      std::string("directory in .stage, and that onto the version")});
    }
    return state_->commit_in_place(who, ino);
  }
  if (name.starts_with(kOwnAttributes)) return {Code::NotPermitted, "user.modelfs.* attributes are the mount's own"};
  if (place.kind != Kind::Draft) return {Code::Immutable, "what is published never changes"};
  return state_->registry.drafts().attributes().setxattr(ino, name, value, mode);
}

Status FileSystem::removexattr(const Credentials&, Ino ino, std::string_view name) {
  const auto node = state_->node(ino);
  if (!node.ok()) return node.status();
  if (!name.starts_with("user.")) return unknown_namespace(name);
  if (node->place.kind != Kind::Draft) return {Code::Immutable, "what is published never changes"};
  return state_->registry.drafts().attributes().removexattr(ino, name);
}

Result<SpaceFigures> FileSystem::space() { return store_space(state_->registry); }

}  // namespace modelfs
