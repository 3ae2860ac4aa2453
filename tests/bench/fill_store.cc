// Fills a store without a mount, because a million releases through one take half an hour: fill_store STORE DOMAINS
// RELEASES [tar]. Release n is v<n> of domain d<n modulo DOMAINS> and holds one small file, `model`. With `tar` it
// comes as an archive, which waits for a recipe.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "archive/write/synthetic_archive.h"
#include "engine/rocksdb/rocksdb_engine.h"
#include "registry/registry.h"
#include "registry/upgrade.h"
#include "store/store_lock.h"

namespace modelfs {
namespace {

const Credentials kWho{0, 0, 0, {}};
constexpr std::size_t kPackedBytes = 16'384;

std::string numbered(const char* form, unsigned long number) {
  char text[32];
  std::snprintf(text, sizeof text, form, number);
  return text;
}

Result<Ino> write_file(DraftStore& drafts, Ino directory, const std::string& name, std::string_view bytes) {
  const auto file = drafts.tree().make(directory, name, {FileType::Regular, {0, 0, 0644}, ""});
  if (!file.ok()) return file.status();
  const auto handle = drafts.files().open(file->ino, true, 0);
  if (!handle.ok()) return handle.status();
  if (Status status = (*handle)->write(0, bytes_of(bytes)); !status.ok()) return status;
  if (Status status = (*handle)->flush(); !status.ok()) return status;
  return file->ino;
}

// A tar with that one file.
Result<std::string> tar_of(const std::string& name, std::string_view content) {
  ArchiveEntry file;
  file.path = name;
  file.mode = 0644;
  file.size_bytes = content.size();
  const auto layout = ArchiveLayout::make({file}, ArchiveFormat::Tar);
  if (!layout.ok()) return layout.status();
  const auto read = [&](std::uint32_t, std::uint64_t offset, ByteSpan into) -> Result<std::size_t> {
    const std::string_view part = content.substr(offset, into.size());
    std::memcpy(into.data(), part.data(), part.size());
    return part.size();
  };
  std::string bytes((*layout)->size_bytes(), '\0');
  const auto got = (*layout)->read_at(0, std::as_writable_bytes(std::span(bytes)), read);
  if (!got.ok()) return got.status();
  return bytes;
}

Status publish(Registry& registry, Ino stage, const std::string& domain, const std::string& version, bool as_archive) {
  DraftStore& drafts = registry.drafts();
  const auto draft = drafts.tree().make(stage, version, {FileType::Directory, {0, 0, 0755}, ""});
  if (!draft.ok()) return draft.status();
  const std::string path = domain + "/" + version;
  std::string content = path;
  // A recipe of less would be no smaller than the archive.
  while (as_archive && content.size() < kPackedBytes) content += path;
  if (const auto file = write_file(drafts, draft->ino, "model", content); !file.ok()) return file.status();
  const auto target = Target::parse(path);
  if (!target.ok()) return target.status();
  PublishRequest request{draft->ino, stage, version, *target, kWho, HashBudget::Short, nullptr};
  if (!as_archive) return registry.publish(request).status();
  const auto packed = tar_of("model", content);
  if (!packed.ok()) return packed.status();
  const std::string name = version + ".tar";
  const auto file = write_file(drafts, stage, name, *packed);
  if (!file.ok()) return file.status();
  const auto sealed = drafts.sealer().seal(*file);
  if (!sealed.ok()) return sealed.status();
  ArchiveOriginal original{**sealed, stage, name, ".tar"};
  request.original = &original;
  return registry.publish(request).status();
}

Status fill(const std::string& store, unsigned long domains, unsigned long releases, bool as_archives) {
  auto lock = StoreLock::acquire(store, CreateMode::CreateIfAbsent);
  if (!lock.ok()) return lock.status();
  auto engine = open_rocksdb_engine(store, {});
  if (!engine.ok()) return engine.status();
  if (Status status = upgrade_store(*lock, *engine->keys, OpenedFor::Writing); !status.ok()) return status;
  const auto registry = Registry::open(*std::move(engine), lock->directory(), {});
  if (!registry.ok()) return registry.status();
  std::vector<Ino> stages;
  for (unsigned long i = 0; i < domains; ++i) {
    const auto made = (*registry)->domains().create(*DomainName::parse(numbered("d%04lu", i)), {0, 0, 0755}, kWho);
    if (!made.ok()) return made.status();
    stages.push_back(stage_of(*made));
  }
  for (unsigned long i = 0; i < releases; ++i) {
    const unsigned long at = i % domains;
    const Status status = publish(**registry, stages[at], numbered("d%04lu", at), numbered("v%07lu", i), as_archives);
    if (!status.ok()) return status;
  }
  return (*registry)->garbage().finish_sweeping();
}

}  // namespace
}  // namespace modelfs

int main(int argc, char** argv) {
  const bool as_archives = argc == 5 && std::string_view(argv[4]) == "tar";
  if (argc != 4 && !as_archives) {
    std::fprintf(stderr, "usage: fill_store STORE DOMAINS RELEASES [tar]\n");
    return 2;
  }
  const modelfs::Status status =
      modelfs::fill(argv[1], std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10), as_archives);
  if (!status.ok()) std::fprintf(stderr, "fill_store: %s\n", status.str().c_str());
  return status.ok() ? 0 : 1;
}
