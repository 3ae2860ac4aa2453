// The drafts of a store in memory, with short ways to make them.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "drafts/draft_store.h"
#include "engine/memory/memory_engine.h"
#include "support/temporary_directory.h"

namespace modelfs {

class DraftsFixture : public testing::Test {
 protected:
  // Any number may hold drafts; it is no draft itself.
  static constexpr Ino kPlace{7};

  void SetUp() override { restart(); }

  // The next process, over the same store.
  void restart() {
    drafts_.reset();
    auto opened = DraftStore::open(directory_.fd(), *engine_.keys, *engine_.blobs, inos_, pins_, {});
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    drafts_ = std::move(*opened);
  }

  DraftTree& tree() { return drafts_->tree(); }

  Ino make(Ino parent, std::string_view name, FileType type) {
    const auto made = tree().make(parent, name, {type, {0, 0, 0755}, ""});
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? made->ino : kNoIno;
  }
  Ino make_directory(Ino parent, std::string_view name) { return make(parent, name, FileType::Directory); }
  Ino make_file(Ino parent, std::string_view name, std::string_view bytes = "") {
    const Ino ino = make(parent, name, FileType::Regular);
    if (!bytes.empty()) {
      const auto handle = open(ino, true);
      EXPECT_TRUE(handle->write(0, bytes_of(bytes)).ok());
      EXPECT_TRUE(handle->flush().ok());
    }
    return ino;
  }

  std::unique_ptr<DraftHandle> open(Ino ino, bool writes, pid_t pid = 0) {
    auto handle = drafts_->files().open(ino, writes, pid);
    EXPECT_TRUE(handle.ok()) << handle.status().message();
    return handle.ok() ? std::move(*handle) : nullptr;
  }

  std::string bytes_of_draft(Ino ino) {
    const auto handle = drafts_->files().open(ino, false, 0);
    if (!handle.ok()) return handle.status().str();
    std::string bytes(1 << 20, '\0');
    const auto got = (*handle)->file().read(0, std::as_writable_bytes(std::span(bytes)));
    return got.ok() ? bytes.substr(0, *got) : got.status().str();
  }

  bool has_host_file(Ino ino) { return std::filesystem::exists(directory_.path() + "/" + HostFiles::name_of(ino)); }

  TemporaryDirectory directory_;
  Engine engine_ = make_memory_engine();
  BlobPins pins_;
  InoAllocator inos_{*engine_.keys};
  std::unique_ptr<DraftStore> drafts_;
  // Too large for the catalog, so that it has a host file.
  const std::string large_ = std::string(100'000, 'x');
};

}  // namespace modelfs
