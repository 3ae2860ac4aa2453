// Fills a store without a mount, because a million releases through one take half an hour: fill_store STORE DOMAINS
// RELEASES. Release n is v<n> of domain d<n modulo DOMAINS> and holds one small file, `model`.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "engine/rocksdb/rocksdb_engine.h"
#include "registry/registry.h"
#include "registry/upgrade.h"
#include "store/store_lock.h"

namespace modelfs {
namespace {

const Credentials kWho{0, 0, 0, {}};

std::string numbered(const char* form, unsigned long number) {
  char text[32];
  std::snprintf(text, sizeof text, form, number);
  return text;
}

Status publish(Registry& registry, Ino stage, const std::string& domain, const std::string& version) {
  DraftStore& drafts = registry.drafts();
  const auto draft = drafts.make(stage, version, {FileType::Directory, {0, 0, 0755}, ""});
  if (!draft.ok()) return draft.status();
  const auto file = drafts.make(draft->ino, "model", {FileType::Regular, {0, 0, 0644}, ""});
  if (!file.ok()) return file.status();
  {
    const auto handle = drafts.open_file(file->ino, true, 0);
    if (!handle.ok()) return handle.status();
    if (Status status = (*handle)->write(0, bytes_of(domain + "/" + version)); !status.ok()) return status;
    if (Status status = (*handle)->flush(); !status.ok()) return status;
  }
  const auto target = Target::parse(domain + "/" + version);
  if (!target.ok()) return target.status();
  return registry.publish({draft->ino, stage, version, *target, kWho, HashBudget::Short, nullptr}).status();
}

Status fill(const std::string& store, unsigned long domains, unsigned long releases) {
  auto lock = StoreLock::acquire(store, CreateMode::CreateIfAbsent);
  if (!lock.ok()) return lock.status();
  auto engine = open_rocksdb_engine(store, {});
  if (!engine.ok()) return engine.status();
  if (Status status = upgrade_store(*lock, *engine->keys, OpenedFor::Writing); !status.ok()) return status;
  const auto registry = Registry::open(*std::move(engine), lock->directory(), {});
  if (!registry.ok()) return registry.status();
  std::vector<Ino> stages;
  for (unsigned long i = 0; i < domains; ++i) {
    const auto made = (*registry)->create_domain(*DomainName::parse(numbered("d%04lu", i)), {0, 0, 0755}, kWho);
    if (!made.ok()) return made.status();
    stages.push_back(Registry::stage_of(*made));
  }
  for (unsigned long i = 0; i < releases; ++i) {
    const unsigned long at = i % domains;
    const Status status = publish(**registry, stages[at], numbered("d%04lu", at), numbered("v%07lu", i));
    if (!status.ok()) return status;
  }
  return (*registry)->finish_sweeping();
}

}  // namespace
}  // namespace modelfs

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: fill_store STORE DOMAINS RELEASES\n");
    return 2;
  }
  const modelfs::Status status =
      modelfs::fill(argv[1], std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10));
  if (!status.ok()) std::fprintf(stderr, "fill_store: %s\n", status.str().c_str());
  return status.ok() ? 0 : 1;
}
