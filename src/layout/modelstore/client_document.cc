#include "layout/modelstore/client_document.h"

#include "formats/modelstore_document.h"
#include "layout/upload_paths.h"

namespace modelfs {
namespace {

MetadataFacts facts_of(const std::string& domain, const ReleaseRecord& release) {
  MetadataFacts facts;
  facts.domain = domain;
  facts.model_id = release.model_id;
  facts.version = release.version;
  facts.digest = release.digest;
  facts.sequence = release.sequence;
  facts.files = release.file_count;
  facts.bytes = release.total_bytes;
  facts.published_by = release.published_by;
  facts.program = release.program;
  facts.created = release.published;
  return facts;
}

// Whether it came through the client's layout, also if it was removed since.
Result<bool> came_by_client(const Snapshot& stored, Ino release) {
  bool found = false;
  const Status status =
      stored.for_each_placement_of(release, [&](std::string_view, std::string_view, const PlacementRecord& each) {
        found = each.is_upload();
        return !found;
      });
  return status.ok() ? Result<bool>(found) : status;
}

}  // namespace

Result<std::string> client_document(const LayoutContext& context, const Node& node, const std::string& text) {
  if (!node.given) return splice_release_path(context, node, shape_for_modelstore(text, ""));
  const auto container = context.mount.containers(node.container);
  if (!container.ok()) return container.status();
  const auto release = context.stored.release_of(**container);
  if (!release.ok()) return release.status();
  const ModelstoreFacts given = read_modelstore_document(text);
  // One that has a place without a path, as of a bucket, would lead the client nowhere.
  const bool is_its_own = given.domain == (*container)->domain && given.model_id == release->model_id &&
                          given.has_storage == !given.path.empty();
  bool is_kept = is_its_own && given.is_readable;
  if (!is_kept && is_its_own) {
    const auto by_client = came_by_client(context.stored, release->ino);
    if (!by_client.ok()) return by_client.status();
    // A document that names no archive is a release by itself, under the model's id; that has no place to tell of it.
    is_kept = *by_client || (!given.has_storage && release->version == release->model_id);
  }
  if (is_kept) return splice_release_path(context, node, text);
  // The storage first: with what was given in it, it may be larger and nest deeper than what we parse.
  auto made =
      splice_release_path(context, node, make_modelstore_document(facts_of((*container)->domain, *release), ""));
  if (!made.ok()) return made;
  return with_extra(*std::move(made), text);
}

}  // namespace modelfs
