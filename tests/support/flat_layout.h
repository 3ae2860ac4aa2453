// A third layout, made to prove the contract: /.flat/<domain>-<version>-<path with - for />, each the released file
// itself. Read-only, and never listed in the mount's root.
#pragma once
#include <algorithm>
#include <string>
#include <utility>

#include "base/names.h"
#include "layout/layout.h"

namespace modelfs {

class FlatLayout final : public Layout {
 public:
  static constexpr std::uint64_t kBlock = 60;

  explicit FlatLayout(LayoutId id) : id_(id) {}

  std::string_view root_name() const override { return ".flat"; }

  Node root() const override {
    Node node;
    node.kind = Node::Kind::Directory;
    node.layout = id_;
    node.ino = in_block(kRootIno, kBlock);
    return node;
  }

  Result<Node> child(const LayoutContext& context, const Node&, std::string_view name) const override {
    Result<Node> found = Status(Code::NotFound, "no file is called '" + std::string(name) + "'");
    const Status status = for_each_file(context, [&](const std::string& flat_name, const Node& file) {
      if (flat_name == name) found = file;
    });
    return status.ok() ? found : Result<Node>(status);
  }

  Status list(const LayoutContext& context, const Node&, std::vector<ListedNode>& names) const override {
    return for_each_file(context, [&](const std::string& flat_name, const Node& file) {
      names.push_back({flat_name, file.ino, file.type});
    });
  }

  Result<Ino> parent(const LayoutContext&, const Node&) const override { return kRootIno; }

  Result<Attributes> attributes(const LayoutContext& context, const Node& node, std::uint64_t) const override {
    Attributes shown;
    shown.ino = node.ino;
    shown.type = node.type;
    shown.uid = context.mount.system_owner.uid;
    shown.gid = context.mount.system_owner.gid;
    shown.mode = context.mount.system_owner.mode;
    shown.atime = shown.mtime = shown.ctime = context.mount.mounted;
    return shown;
  }

  Result<std::string> text(const LayoutContext&, const Node&) const override {
    return Status(Code::NotFound, "this layout makes no documents");
  }

 private:
  template <class Visit>
  Status for_each_file(const LayoutContext& context, Visit visit) const {
    Status failed;
    const auto visit_release = [&](const DomainName& domain, const ReleaseRecord& release) {
      const auto container = context.mount.containers(release.ino);
      if (!container.ok()) failed = container.status();
      for (std::uint32_t i = 0; container.ok() && i < (*container)->manifest->entries().size(); ++i) {
        const ManifestEntry& entry = (*container)->manifest->at(i);
        if (entry.type != FileType::Regular) continue;
        std::string path = (*container)->manifest->path_of(i);
        std::replace(path.begin(), path.end(), '/', '-');
        visit(domain.str() + "-" + release.version + "-" + path, file_node(domain, release.ino, entry, i));
      }
      return failed.ok();
    };
    const Status status = context.stored.for_each_domain([&](const DomainName& domain, const DomainRecord&) {
      const Status scanned = context.stored.for_each_release(
          domain, [&](const ReleaseRecord& release) { return visit_release(domain, release); });
      if (failed.ok()) failed = scanned;
      return failed.ok();
    });
    return status.ok() ? failed : status;
  }

  // The native node: the same number, so the same pages.
  static Node file_node(const DomainName& domain, Ino container, const ManifestEntry& entry, std::uint32_t index) {
    Node node;
    node.kind = Node::Kind::Entry;
    node.ino = entry.ino;
    node.type = entry.type;
    node.container = container;
    node.index = index;
    node.is_release = true;
    node.domain = domain.str();
    return node;
  }

  const LayoutId id_;
};

}  // namespace modelfs
