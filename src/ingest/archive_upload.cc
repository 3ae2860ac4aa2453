#include "ingest/archive_upload.h"

#include <utility>

#include "base/log.h"

namespace modelfs {
namespace {

constexpr unsigned kCloserThreads = 4;    // they wait for the disk
constexpr unsigned kUnpackerThreads = 4;  // uploads beyond that are unpacked when they are complete

// The bytes of a draft file.
class SealedSource : public ArchiveSource {
 public:
  explicit SealedSource(const SealedFile& file) : file_(file) {}
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) override {
    return modelfs::read_at(file_.host(), offset_bytes, into);
  }
  Result<std::uint64_t> size_bytes() override { return file_.hash().size_bytes; }

 private:
  const SealedFile& file_;
};

}  // namespace

ArchiveUploads::ArchiveUploads(Registry& registry, const ArchiveLimits& limits)
    : registry_(registry),
      limits_(limits),
      closers_(std::make_unique<ThreadPool>("close", kCloserThreads)),
      unpackers_(std::make_unique<ThreadPool>("unpack", kUnpackerThreads)) {}

ArchiveUploads::~ArchiveUploads() {
  unpackers_.reset();
  closers_.reset();
}

// Never the same twice: an unpacking that was given up may still lie there.
std::string ArchiveUploads::fresh_name(Ino file) {
  return std::to_string(raw(file)) + "-" + std::to_string(++unpackings_);
}

std::unique_ptr<UnpackingBehind> ArchiveUploads::unpack_behind(Ino file, std::string_view suffix,
                                                               const DomainName& domain, const Credentials& who) {
  const auto format = format_of_suffix(suffix);
  // A zip is read from its end.
  if (!format || *format == ArchiveFormat::Zip) return nullptr;
  const auto head = registry_.domains().find(domain);
  if (!head.ok() || !authorise(who, head->owner, Right::Publish, domain.str()).ok()) return nullptr;
  return UnpackingBehind::follow(means(), *unpackers_, file, {head->unpacking(), fresh_name(file), *format, who});
}

Result<std::unique_ptr<UnpackingDirectory>> ArchiveUploads::make_directory(Ino file, const DomainRecord& domain,
                                                                           const Credentials& who) {
  return UnpackingDirectory::make(registry_.drafts(), domain.unpacking(), fresh_name(file), who);
}

Result<Published> ArchiveUploads::publish(const ArchiveRequest& request) {
  auto published = unpack_and_publish(request);
  registry_.garbage().sweep_later();
  return published;
}

Result<Published> ArchiveUploads::unpack_and_publish(const ArchiveRequest& request) {
  const auto domain = registry_.domains().find(request.target.domain);
  if (!domain.ok()) return domain.status();
  if (Status status = authorise(request.who, domain->owner, Right::Publish, request.target.domain.str()); !status.ok())
    return status;
  const auto format = format_of_suffix(request.suffix);
  if (!format) return Status(Code::InvalidArgument, "'" + printable(request.suffix) + "' names no archive format");

  auto sealed = registry_.drafts().sealer().seal(request.file);
  if (!sealed.ok()) return sealed.status();
  std::optional<Result<std::unique_ptr<UnpackingDirectory>>> unpacked;
  if (request.behind) unpacked = request.behind->finish((*sealed)->hash().size_bytes);
  if (!unpacked) {
    SealedSource source(**sealed);
    unpacked = unpack(means(), {domain->unpacking(), fresh_name(request.file), *format, request.who}, source);
  }
  if (!unpacked->ok()) {
    return Status(unpacked->code(), request.target.str() + request.suffix + ": " + unpacked->status().message());
  }
  UnpackingDirectory& unpacking = ***unpacked;

  ArchiveOriginal original{**sealed, request.directory, request.name, request.suffix};
  PublishRequest publication{unpacking.root(), domain->unpacking(), unpacking.name(),     request.target,
                             request.who,      HashBudget::Full,    request.on_published, &original};
  publication.beneath = request.beneath;
  publication.orders_versions = request.orders_versions;
  publication.metadata = request.metadata;
  publication.placement = request.placement;
  publication.replaces_removed = request.replaces_removed;
  auto published = registry_.publish(publication);
  if (!published.ok()) return published;
  if (!published->already) {
    unpacking.published();
    return published;
  }
  // The same content is there: what was sent is not needed.
  sealed->reset();
  if (Status removed = registry_.drafts().tree().unlink(request.directory, request.name); !removed.ok()) {
    log::warn("an upload stays behind: {}", removed.message());
  }
  return published;
}

Status ArchiveUploads::discard_leftovers() {
  const auto stored = registry_.snapshot();
  if (!stored.ok()) return stored.status();
  Status failed;
  const Status walked = stored->for_each_domain([&](const DomainName&, const DomainRecord& head) {
    const auto left = registry_.drafts().tree().list(head.unpacking());
    if (!left.ok()) failed = left.status();
    for (const DraftName& name : left.ok() ? *left : std::vector<DraftName>()) {
      if (failed.ok()) failed = registry_.drafts().reclaimer().discard(head.unpacking(), name.name);
    }
    return failed.ok();
  });
  return walked.ok() ? failed : walked;
}

}  // namespace modelfs
