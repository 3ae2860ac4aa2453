// A registry over RocksDB that can be opened again, and what its drafts hold.
#pragma once
#include <sys/stat.h>

#include <cstdio>
#include <optional>

#include "engine/rocksdb/rocksdb_engine.h"
#include "support/registry_fixture.h"

namespace modelfs {

class RegistryOnDisk : public RegistryFixture {
 protected:
  void SetUp() override { restart(); }

  // The next process, over the same store.
  void restart() {
    registry_.reset();
    auto engine = open_rocksdb_engine(directory_.path(), {.reserve_bytes = 0});
    ASSERT_TRUE(engine.ok()) << engine.status().message();
    open(std::move(*engine));
  }

  std::unique_ptr<DraftHandle> open_draft(Ino ino, bool writes) {
    auto handle = registry_->drafts().files().open(ino, writes, 0);
    EXPECT_TRUE(handle.ok()) << handle.status().message();
    return handle.ok() ? std::move(*handle) : nullptr;
  }

  // At most 1 MiB of it.
  std::string bytes_of_draft(Ino ino) {
    const auto handle = registry_->drafts().files().open(ino, false, 0);
    if (!handle.ok()) return handle.status().str();
    std::string bytes(1 << 20, '\0');
    const auto got = (*handle)->file().read(0, std::as_writable_bytes(std::span(bytes)));
    return got.ok() ? bytes.substr(0, *got) : got.status().str();
  }

  // The size of what lies on the disk for a draft file, if anything does.
  std::optional<std::uint64_t> host_bytes(Ino ino) {
    char name[32];
    std::snprintf(name, sizeof name, "%02lx/%lx", raw(ino) & 255, raw(ino));
    struct stat info {};
    if (::fstatat(registry_->drafts().directory(), name, &info, 0) != 0) return std::nullopt;
    return static_cast<std::uint64_t>(info.st_size);
  }
};

}  // namespace modelfs
