// The requests that read a release or generation as an archive.
#include "control/dispatcher.h"
#include "control/fields.h"
#include "control/resolve.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kArchiveReadBytesMax = 1ull << 20;  // of an archive, in one message

}  // namespace

Dispatcher::Answer Dispatcher::open_archive(Message& request, const Emit&) {
  archive_.reset();
  const auto snapshot = context_.registry.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  const auto thing = resolve_package(*snapshot, who_, text_field(request.body, "path"));
  if (!thing.ok()) return thing.status();
  const std::string suffix = text_field(request.body, "suffix");
  const auto format = format_of_suffix(suffix);
  const std::string& given = thing->generation ? thing->generation->archive_suffix : thing->release->archive_suffix;
  if (!format || (suffix != given && !is_made_suffix(suffix))) {
    return Status(Code::NotFound,
                  thing->str() + " has no face " + printable(suffix) + "; every release has .tar, .tar.gz and .zip");
  }
  auto archive = context_.registry.archives().open({thing->container(), suffix == given, *format});
  if (!archive.ok()) return archive.status();
  archive_ = *std::move(archive);
  Message answer;
  answer.body = {{"size", archive_->size_bytes()}, {"path", thing->str()}};
  return answer;
}

Dispatcher::Answer Dispatcher::read_archive_bytes(Message& request, const Emit&) {
  if (!archive_) throw BadField("no archive was opened");
  if (context_.stopping) return Status(Code::Interrupted, "the daemon is being stopped");
  Message answer;
  answer.bytes.resize(kArchiveReadBytesMax);
  const auto got = archive_->read_at(number_field(request.body, "offset"),
                                     std::as_writable_bytes(std::span(answer.bytes.data(), answer.bytes.size())));
  if (!got.ok()) return got.status();
  answer.bytes.resize(*got);
  return answer;
}

}  // namespace modelfs
