// What clients' writes see of a mount, without one: keeps what it is told.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "ingest/client_mount.h"
#include "layout/layouts.h"
#include "support/ingest_fixture.h"

namespace modelfs {

class ClientMountFixture : public IngestFixture, public ClientMount {
 protected:
  ClientMountFixture() {
    layout_mount_.containers = [this](Ino ino) -> Result<std::shared_ptr<const Container>> {
      auto container = registry_->snapshot()->container(ino);
      if (!container.ok()) return container.status();
      return std::make_shared<const Container>(std::move(*container));
    };
    layout_mount_.find_draft = [](Ino) { return std::nullopt; };
    layout_mount_.is_being_removed = [](Ino) { return false; };
    layout_mount_.root_owner = [] { return Ownership{0, 0, 0755}; };
    layout_mount_.path = "/m";
  }

  std::optional<Node> find_node(Ino ino) const override {
    for (const Node& each : known_) {
      if (each.ino == ino) return each;
    }
    return std::nullopt;
  }
  void rebind_nodes(const Published& published) override { rebound_.push_back(published.version); }
  void remember_error(Ino, uid_t, std::string reason) override { reasons_.push_back(std::move(reason)); }
  Status refuse(const Credentials&, Ino, const std::string& what, Status status) override {
    reasons_.push_back(what + ": " + status.message());
    return status;
  }
  void invalidate_entry(Ino, const std::string& name) override { invalidated_.push_back(name); }

  // The node of a domain, which the mount knows from now on.
  Node know_domain(const DomainName& domain) {
    const auto stored = registry_->snapshot();
    auto node = layouts_.child({*stored, layout_mount_}, layouts_.root(), domain.str());
    EXPECT_TRUE(node.ok()) << node.status().message();
    known_.push_back(*node);
    return *node;
  }
  CreateRule rule_of(const Node& parent, std::string_view name, FileType type = FileType::Regular) {
    const auto stored = registry_->snapshot();
    return layouts_.of(parent).create_rule({*stored, layout_mount_}, parent, name, type);
  }

  Layouts layouts_ = standard_layouts();
  LayoutMount layout_mount_;
  std::vector<Node> known_;
  std::vector<std::string> rebound_, reasons_, invalidated_;
};

}  // namespace modelfs
