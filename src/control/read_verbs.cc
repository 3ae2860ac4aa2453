// The requests that read one thing. What is sent in parts is collected first: a client that reads slowly holds no
// snapshot.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/names.h"
#include "control/dispatcher.h"
#include "control/documents.h"
#include "control/fields.h"
#include "control/lists.h"
#include "control/resolve.h"
#include "formats/metadata.h"
#include "registry/events.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kFileReadBytesMax = 1ull << 20;  // of a file, in one message

// The document of a thing as one mount shows it: the stored text with where it is stored. One that a client wrote is
// shown as it was written.
Result<std::string> metadata_of(const Snapshot& snapshot, const NamedThing& thing, const std::string& mount_point) {
  auto stored = snapshot.metadata(thing.container());
  const bool is_given = thing.generation ? thing.generation->metadata_given : thing.release->metadata_given;
  if (!stored.ok() || mount_point.empty() || is_given) return stored;
  return present_metadata(*stored, {mount_point, mount_point + "/" + thing.str()});
}

Json package_document(const NamedThing& thing, const Manifest& manifest) {
  const ManifestEntry& root = manifest.at(Manifest::kRoot);
  Json document = thing.generation ? generation_document(*thing.generation) : release_document(*thing.release);
  document["domain"] = thing.domain.str();
  document["version"] = thing.release->version;
  document["mode"] = mode_text(root.mode);
  document["mtime"] = iso_time(root.mtime);
  document["mtime_ns"] = raw(root.mtime);
  document["entries"] = manifest.entries().size();
  return document;
}

// A separate open file description, so that seeks and locks of the client affect the client only.
Result<File> reopen(int descriptor) {
  File own(::open(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), O_RDONLY | O_CLOEXEC));
  if (!own.valid()) return Status::from_errno(errno, "reopen a blob");
  return own;
}

// Index of everything below `root`, root first. A file is its own and only entry.
std::vector<std::uint32_t> subtree(const Manifest& manifest, std::uint32_t root) {
  std::vector<std::uint32_t> found{root};
  for (std::size_t next = 0; next < found.size(); ++next) {
    const ManifestEntry& entry = manifest.at(found[next]);
    if (entry.type != FileType::Directory) continue;
    for (std::uint32_t i = 0; i < entry.child_count; ++i) found.push_back(entry.first_child + i);
  }
  return found;
}

}  // namespace

Dispatcher::Answer Dispatcher::hello(Message& request, const Emit&) {
  const std::uint64_t spoken = number_field(request.body, "protocol");
  if (spoken != kProtocolVersion) {
    return Status(Code::Unsupported, "the command speaks protocol " + std::to_string(spoken) + ", the daemon " +
                                         std::to_string(kProtocolVersion) +
                                         ": use the same version of modelfs for both");
  }
  Message answer;
  answer.body = {{"protocol", kProtocolVersion},
                 {"version", MODELFS_VERSION},
                 {"mount_point", context_.place.mount_point},
                 {"store_id", context_.place.store_id}};
  return answer;
}

Dispatcher::Answer Dispatcher::show(Message& request, const Emit&) {
  const auto snapshot = context_.registry.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  const auto thing = resolve_package(*snapshot, who_, text_field(request.body, "path"));
  if (!thing.ok()) return thing.status();
  const auto container = snapshot->container(thing->container());
  if (!container.ok()) return container.status();
  auto metadata = metadata_of(*snapshot, *thing, context_.place.mount_point);
  if (!metadata.ok()) return metadata.status();
  const auto labels = labels_by_version(*snapshot, thing->domain);
  if (!labels.ok()) return labels.status();

  Message answer;
  answer.body["package"] = package_document(*thing, *container->manifest);
  answer.body["package"]["labels"] = labels_of(*labels, thing->release->version);
  // As bytes, because what a client wrote is returned byte for byte, and may contain NaN.
  answer.bytes = *std::move(metadata);
  return answer;
}

Dispatcher::Answer Dispatcher::files(Message& request, const Emit& emit) {
  std::shared_ptr<const Manifest> manifest;
  std::string inside;
  Message answer;
  {
    const auto snapshot = context_.registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    const auto thing = resolve(*snapshot, who_, text_field(request.body, "path"));
    if (!thing.ok()) return thing.status();
    if (!thing->release) return Status(Code::IsADirectory, thing->str() + " is a domain");
    const auto container = snapshot->container(thing->container());
    if (!container.ok()) return container.status();
    manifest = container->manifest;
    inside = thing->inside;
    answer.body["package"] = package_document(*thing, *manifest);
  }
  const auto root = manifest->find(inside);
  if (!root.ok()) return root.status();
  const std::vector<std::uint32_t> found = subtree(*manifest, *root);
  const Status sent = emit_list(found.size(), emit, [&](std::size_t i) { return entry_document(*manifest, found[i]); });
  if (!sent.ok()) return sent;
  return answer;
}

// Sends the entries of a release and of its generations, or of one generation; read() then takes their numbers.
Dispatcher::Answer Dispatcher::open_package(Message& request, const Emit& emit) {
  opened_.clear();
  Message answer;
  Json& packages = answer.body["packages"] = Json::array();
  {
    const auto snapshot = context_.registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    auto thing = resolve_package(*snapshot, who_, text_field(request.body, "path"));
    if (!thing.ok()) return thing.status();
    const auto add = [&](const NamedThing& part) -> Status {
      const auto container = snapshot->container(part.container());
      if (!container.ok()) return container.status();
      opened_.push_back(container->manifest);
      packages.push_back(package_document(part, *container->manifest));
      return {};
    };
    if (Status status = add(*thing); !status.ok()) return status;
    const bool wants_generations = !thing->generation && truth_or(request.body, "generations", true);
    Status inner;
    const auto add_generation = [&](const GenerationRecord& generation) {
      NamedThing part = *thing;
      part.generation = generation;
      inner = add(part);
      return inner.ok();
    };
    if (wants_generations) {
      const Status walked = snapshot->for_each_generation(thing->domain, thing->release->sequence, add_generation);
      if (!walked.ok()) return walked;
      if (!inner.ok()) return inner;
    }
  }
  for (std::size_t package = 0; package < opened_.size(); ++package) {
    const Manifest& manifest = *opened_[package];
    const Status sent = emit_list(manifest.entries().size(), emit, [&](std::size_t i) {
      Json document = entry_document(manifest, static_cast<std::uint32_t>(i));
      document["package"] = package;
      document["entry"] = i;
      return document;
    });
    if (!sent.ok()) return sent;
  }
  return answer;
}

Dispatcher::Answer Dispatcher::read(Message& request, const Emit&) {
  const std::uint64_t package = number_field(request.body, "package");
  const std::uint64_t index = number_field(request.body, "entry");
  const std::uint64_t offset = number_field(request.body, "offset");
  if (package >= opened_.size() || index >= opened_[package]->entries().size()) throw BadField("no such entry is open");
  const ManifestEntry& entry = opened_[package]->at(static_cast<std::uint32_t>(index));
  if (entry.type != FileType::Regular || offset > entry.size_bytes) throw BadField("the entry is not a file");
  const auto content = context_.registry.content().open(entry);
  if (!content.ok()) return content.status();

  Message answer;
  const auto lent = (*content)->descriptor();
  if (lent && offset == 0 && entry.size_bytes > kInlineBlobBytesMax) {
    auto own = reopen(*lent);
    if (!own.ok()) return own.status();
    answer.descriptors.push_back(*std::move(own));
    return answer;
  }
  const std::size_t count = static_cast<std::size_t>(std::min(kFileReadBytesMax, entry.size_bytes - offset));
  answer.bytes.resize(count);
  const auto got = (*content)->read_at(offset, ByteSpan(reinterpret_cast<std::byte*>(answer.bytes.data()), count));
  if (!got.ok()) return got.status();
  if (*got < count) return Status(Code::Corrupt, "the content of '" + printable(entry.name) + "' ends early");
  return answer;
}

}  // namespace modelfs
