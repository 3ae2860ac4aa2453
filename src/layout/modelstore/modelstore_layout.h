// modelstore's layout, /operatorai-model-store: where each release stands in it, and what its client's writes mean.
// clang-format off
//   <domain>/<stamp>/<model id>/artifacts.tar.gz   the archive, where it was uploaded: a draft directory with a placement
//   <domain>/<model id>/artifacts.tar.gz           the archive of a release that has no such place
//   <domain>/versions/<model id>.json              the metadata of a live release
//   <domain>/versions/<state>/<model id>.json      likewise: it is in that state; a draft directory with placements
//   <domain>/versions/modelstore-deleted/…         the metadata of a removed one
//   <domain>/latest.json                           the metadata of the latest live release
//   domains/<domain>.json                          the metadata of the one that was published last, even if it was removed
//   model_states/<state>.json                      drafts
// clang-format on
#pragma once
#include <string_view>
#include <vector>

#include "formats/modelstore_document.h"
#include "layout/layout.h"

namespace modelfs {

inline constexpr std::string_view kModelstoreDeletedName = "modelstore-deleted";

class ModelstoreLayout final : public Layout {
 public:
  // `id`: its position among the layouts of the mount.
  explicit ModelstoreLayout(LayoutId id) : id_(id) {}

  std::string_view root_name() const override { return kModelstoreName; }
  Node root() const override;
  // Once something was made in it.
  bool is_listed(const Snapshot& stored) const override;
  Result<Node> child(const LayoutContext& context, const Node& parent, std::string_view name) const override;
  Status list(const LayoutContext& context, const Node& directory, std::vector<ListedNode>& names) const override;
  Result<Ino> parent(const LayoutContext& context, const Node& directory) const override;
  Result<Attributes> attributes(const LayoutContext& context, const Node& node,
                                std::uint64_t content_bytes) const override;
  Result<std::string> text(const LayoutContext& context, const Node& node) const override;
  CreateRule create_rule(const LayoutContext& context, const Node& parent, std::string_view name,
                         FileType type) const override;
  RemoveRule remove_rule(const Node& parent, const Node& node, std::string_view name) const override;
  bool holds_drafts(const Node& directory) const override;
  bool adopt_draft(const Node& parent, std::string_view name, Node& draft) const override;

 private:
  RemoveRule::Step removal_step(const Node& parent, const Node& node) const;
  bool is_release_directory(const Node& node) const;
  Node directory(std::uint8_t role, Ino ino, const std::string& domain) const;
  Node document(const std::string& domain, const ReleaseRecord& release, std::uint8_t role) const;
  Node tombstone(const std::string& domain, const TombstoneRecord& record) const;
  Node release_directory(const std::string& domain, const ReleaseRecord& release) const;
  Result<Node> placed(const LayoutContext& context, const DomainName& domain, const PlacementRecord& placement) const;
  Result<Node> child_of_root(const Snapshot& stored, std::string_view name) const;
  Result<Node> child_of_domain(const Snapshot& stored, const DomainName& domain, std::string_view name) const;
  Result<Node> child_of_versions(const Snapshot& stored, const DomainName& domain, std::string_view name) const;
  Result<Node> child_of_deleted(const Snapshot& stored, const DomainName& domain, std::string_view name) const;
  Status list_domain_files(const LayoutContext& context, std::vector<ListedNode>& names) const;
  Status list_domain(const Snapshot& stored, const DomainName& domain, std::vector<ListedNode>& names) const;
  Status list_versions(const Snapshot& stored, const DomainName& domain, std::vector<ListedNode>& names) const;
  Status list_deleted(const Snapshot& stored, const DomainName& domain, std::vector<ListedNode>& names) const;
  Status list_placed(const LayoutContext& context, const DomainName& domain, const Node& directory,
                     std::vector<ListedNode>& names) const;

  const LayoutId id_;
};

}  // namespace modelfs
