#include "layout/upload_paths.h"

#include "formats/metadata_splice.h"

namespace modelfs {

Result<std::string> archive_path(const Snapshot& stored, const DomainName& domain, Ino release,
                                 std::string_view model_id, bool is_removed) {
  std::string path;
  const Status status = stored.for_each_placement_of(
      release, [&](std::string_view directory, std::string_view name, const PlacementRecord& each) {
        const bool counts = is_removed || stored.placement(domain, directory, name).ok();
        if (each.is_upload() && counts) path.append(directory).append("/").append(name);
        return path.empty();
      });
  if (!status.ok()) return status;
  if (!path.empty()) return path;
  return std::string(kModelstoreName) + "/" + domain.str() + "/" + std::string(model_id) + "/" +
         std::string(kModelstoreArchiveName);
}

bool came_by_first_layout(const Snapshot& stored, const DomainName& domain, const ReleaseRecord& release) {
  const auto path = archive_path(stored, domain, release.ino, release.model_id, false);
  return path.ok() && !path->starts_with(kModelstoreName);
}

Result<std::string> splice_release_path(const LayoutContext& context, const Node& node, const std::string& text) {
  const auto container = context.mount.containers(node.container);
  if (!container.ok()) return container.status();
  const auto domain = DomainName::parse((*container)->domain);
  if (!domain.ok()) return domain.status();
  const auto release = context.stored.release_of(**container);
  if (!release.ok()) return release.status();
  const auto live = context.stored.release(*domain, release->version);
  const bool is_removed =
      !live.ok() || live->sequence != release->sequence || context.mount.is_being_removed(release->ino);
  const auto path = archive_path(context.stored, *domain, node.container, release->model_id, is_removed);
  if (!path.ok()) return path.status();
  const std::string& root = context.mount.path;
  auto spliced = splice_storage(text, root, root + "/" + *path);
  // It says nothing of a path.
  return spliced.code() == Code::NotFound ? Result<std::string>(text) : spliced;
}

}  // namespace modelfs
