// A registry in a temporary directory, with short ways to write drafts and publish them.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "engine/memory/memory_engine.h"
#include "registry/registry.h"
#include "support/temporary_directory.h"

namespace modelfs {

inline const Credentials kRoot{0, 0, 0, {}};
inline const Credentials kAlice{1000, 1000, 0, {}};

class RegistryFixture : public testing::Test {
 protected:
  void SetUp() override { open(make_memory_engine()); }

  virtual void open(Engine engine) {
    auto opened = Registry::open(std::move(engine), directory_.fd(), {.grace_seconds = 0, .reserve_bytes = 0});
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    registry_ = std::move(*opened);
  }

  DomainName make_domain(std::string_view name = "churn") {
    auto domain = DomainName::parse(name);
    EXPECT_TRUE(registry_->domains().create(*domain, {0, 0, 0755}, kRoot).ok());
    return *domain;
  }

  Ino stage(const DomainName& domain) { return stage_of(*registry_->snapshot()->domain(domain)); }

  Ino make_directory(Ino parent, std::string_view name) {
    const auto made = registry_->drafts().tree().make(parent, name, {FileType::Directory, {0, 0, 0755}, ""});
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? made->ino : kNoIno;
  }

  Ino write_file(Ino parent, std::string_view name, std::string_view bytes) {
    const auto made = registry_->drafts().tree().make(parent, name, {FileType::Regular, {0, 0, 0644}, ""});
    EXPECT_TRUE(made.ok()) << made.status().message();
    if (!made.ok()) return kNoIno;
    const auto handle = registry_->drafts().files().open(made->ino, true, 0);
    EXPECT_TRUE(handle.ok()) << handle.status().message();
    EXPECT_TRUE((*handle)->write(0, bytes_of(bytes)).ok());
    EXPECT_TRUE((*handle)->flush().ok());
    return made->ino;
  }

  Target target(std::string_view path) { return *Target::parse(path); }

  Result<Published> publish(Ino draft, Ino directory, std::string_view name, std::string_view path,
                            HashBudget budget = HashBudget::Full, const Credentials& who = kRoot) {
    return registry_->publish({draft, directory, std::string(name), target(path), who, budget, nullptr});
  }

  // Publishes a directory with one file `weights` that holds `bytes`.
  Result<Published> publish_bytes(const DomainName& domain, std::string_view path, std::string_view bytes) {
    const Ino place = stage(domain);
    const std::string name = "draft-" + std::to_string(++drafts_made_);
    const Ino draft = make_directory(place, name);
    write_file(draft, "weights", bytes);
    return publish(draft, place, name, path);
  }

  // The bytes of a file of a committed release or generation.
  std::string read_committed(Ino container, std::string_view path) {
    const auto found = registry_->snapshot()->container(container);
    if (!found.ok()) return found.status().str();
    const auto index = found->manifest->find(path);
    if (!index.ok()) return index.status().str();
    const auto content = registry_->content().open(found->manifest->at(*index));
    if (!content.ok()) return content.status().str();
    std::string bytes((*content)->size_bytes(), '\0');
    const auto got = (*content)->read_at(0, ByteSpan(reinterpret_cast<std::byte*>(bytes.data()), bytes.size()));
    return got.ok() && *got == bytes.size() ? bytes : "short";
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Registry> registry_;
  int drafts_made_ = 0;
};

}  // namespace modelfs
