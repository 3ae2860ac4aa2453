// libFuzzer target: publishes any bytes as an archive, in a registry: sealed, unpacked into a draft, committed, and
// read again as a tree and as archives. Built and run by scripts/fuzz.sh.
#include <memory>

#include "engine/memory/memory_engine.h"
#include "fuzz/inputs.h"
#include "ingest/ingest.h"
#include "registry/registry.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

// A registry is begun anew after so many archives, so that it stays small.
constexpr int kArchivesMax = 500;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

void need(const Status& status, const char* what) {
  if (!status.ok()) fail(std::string(what) + ": " + status.str());
}

class FuzzedRegistry {
 public:
  FuzzedRegistry() {
    Registry::Options options{.grace_seconds = 0, .reserve_bytes = 0};
    auto opened = Registry::open(make_memory_engine(), directory_.fd(), options);
    need(opened.status(), "open");
    registry_ = std::move(*opened);
    ingest_ = std::make_unique<Ingest>(*registry_, small_limits());
    need(registry_->domains().create(domain_, {0, 0, 0755}, who_).status(), "domain");
    const auto head = registry_->snapshot()->domain(domain_);
    uploads_ = head->uploads();
    unpacking_ = head->unpacking();
  }

  bool is_full() const { return number_ >= kArchivesMax; }

  void publish(const FuzzInput& input) {
    DraftStore& drafts = registry_->drafts();
    const std::string name = std::to_string(++number_);
    const auto file = drafts.tree().make(uploads_, name, {FileType::Regular, {0, 0, 0644}, ""});
    need(file.status(), "make");
    {
      const auto handle = drafts.files().open(file->ino, true, 0);
      need(handle.status(), "open");
      need((*handle)->write(0, bytes_of(input.bytes)), "write");
      need((*handle)->flush(), "close");
    }
    const Target target = *Target::parse("d/" + name);
    const auto published =
        ingest_->archives.publish({file->ino, uploads_, name, suffix_of(input.format), target, who_, nullptr});
    refuse_own_errors(published.status());
    if (!drafts.tree().list(unpacking_)->empty()) fail("something is left of the unpacking");
    if (drafts.tree().list(uploads_)->size() != (published.ok() ? 0u : 1u)) fail("the upload is not where it belongs");
    if (published.ok()) return read(name, input);
    if (registry_->snapshot()->release(domain_, name).ok()) fail("a refused archive is published");
    need(drafts.tree().unlink(uploads_, name), "unlink");
  }

 private:
  static std::string suffix_of(ArchiveFormat format) {
    switch (format) {
      case ArchiveFormat::Tar: return ".tar";
      case ArchiveFormat::TarGz: return ".tar.gz";
      case ArchiveFormat::TarZst: return ".tar.zst";
      case ArchiveFormat::Zip: return ".zip";
    }
    return "";
  }

  std::string whole(const ArchiveFace& face) {
    const auto content = registry_->archives().open(face);
    need(content.status(), "open a face");
    std::string bytes((*content)->size_bytes(), '\0');
    const auto got = (*content)->read_at(0, std::as_writable_bytes(std::span(bytes)));
    need(got.status(), "read a face");
    if (*got != bytes.size()) fail("a face is shorter than it says");
    return bytes;
  }

  void read(const std::string& name, const FuzzInput& input) {
    const Ino container = registry_->snapshot()->release(domain_, name)->ino;
    if (whole({container, true, input.format}) != input.bytes) fail("the archive comes back with other bytes");
    // What we make of it must be acceptable to us, and be the same tree.
    const std::string tar = whole({container, false, ArchiveFormat::Tar});
    const std::string again = name + "-again";
    const auto file = registry_->drafts().tree().make(uploads_, again, {FileType::Regular, {0, 0, 0644}, ""});
    need(file.status(), "make");
    {
      const auto handle = registry_->drafts().files().open(file->ino, true, 0);
      need((*handle)->write(0, bytes_of(tar)), "write");
      need((*handle)->flush(), "close");
    }
    const auto published =
        ingest_->archives.publish({file->ino, uploads_, again, ".tar", *Target::parse("d/" + again), who_, nullptr});
    // A tar that we make has headers that one that came in may lack, so limits may refuse it.
    if (published.code() == Code::TooLarge) return need(registry_->drafts().tree().unlink(uploads_, again), "unlink");
    need(published.status(), "publish our own tar");
    if (published->digest != registry_->snapshot()->release(domain_, name)->digest) fail("our own tar is another tree");
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Ingest> ingest_;
  const DomainName domain_ = *DomainName::parse("d");
  const Credentials who_{0, 0, 0, {}};
  Ino uploads_ = kNoIno;
  Ino unpacking_ = kNoIno;
  int number_ = 0;
};

}  // namespace
}  // namespace modelfs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::unique_ptr<modelfs::FuzzedRegistry> ingest;
  if (size == 0) return 0;
  if (!ingest || ingest->is_full()) {
    ingest.reset();
    ingest = std::make_unique<modelfs::FuzzedRegistry>();
  }
  ingest->publish(modelfs::input_of(data, size));
  return 0;
}
