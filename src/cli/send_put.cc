#include "cli/send_put.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/names.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/sender.h"

namespace modelfs {
namespace {

// More than the registry accepts, so that it is the registry that refuses.
constexpr std::size_t kMetadataReadBytesMax = 2 << 20;

Result<SourceTree> scan(const PutSource& source) {
  const bool is_archive = !source.suffix.empty();
  if (source.beneath && is_archive) return scan_archive(*source.beneath, source.path);
  if (source.beneath) return scan_tree(*source.beneath, source.path);
  return is_archive ? scan_archive(source.path) : scan_tree(source.path);
}

}  // namespace

Result<nlohmann::json> send_put(Channel& channel, const PutSource& source, const std::string& target) {
  const auto tree = scan(source);
  if (!tree.ok()) return tree.status();
  nlohmann::json fields{{"target", target}, {"archive", source.suffix}};
  if (source.metadata) fields["metadata"] = *source.metadata;
  if (const auto begun = channel.call(Channel::request("put.begin", std::move(fields))); !begun.ok()) {
    return begun.status();
  }
  Progress progress("put");
  const OnBytes on_bytes = [&](std::uint64_t done_bytes) {
    progress.show(done_bytes, tree->total_bytes);
    return check_interrupt();
  };
  Sender sender(*tree, channel, on_bytes);
  Status status = sender.send_all();
  if (status.ok()) status = check_interrupt();
  if (!status.ok()) return Status(status.code(), printable(source.path) + ": " + status.message());
  const SourceEntry& root = tree->entries.front();
  const auto answer =
      channel.call(Channel::request("put.commit", {{"mode", root.mode}, {"mtime_ns", raw(root.mtime)}}));
  if (!answer.ok()) return answer.status();
  return answer->body.at("published");
}

Result<std::string> read_metadata_file(const std::string& path) {
  const auto file = open_at(AT_FDCWD, path, O_RDONLY);
  auto text = file.ok() ? read_all(file->fd(), kMetadataReadBytesMax) : Result<std::string>(file.status());
  if (!text.ok()) return Status(text.code(), printable(path) + ": " + text.status().message());
  if (!is_utf8(*text)) return Status(Code::Malformed, printable(path) + ": not valid UTF-8, so not JSON");
  return text;
}

}  // namespace modelfs
