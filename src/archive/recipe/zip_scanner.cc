#include "archive/recipe/zip_scanner.h"

#include <algorithm>
#include <array>

#include "archive/read/zip_directory.h"
#include "archive/recipe/deflate_guess.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kDirectoryBytesMax = 64 * 1024 * 1024;

// A random-access source as an ArchiveSource.
class RandomSource : public ArchiveSource {
 public:
  RandomSource(const ArchiveReadAt& archive, std::uint64_t size_bytes) : archive_(archive), size_bytes_(size_bytes) {}
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) override {
    return archive_(offset_bytes, into);
  }
  Result<std::uint64_t> size_bytes() override { return size_bytes_; }

 private:
  const ArchiveReadAt& archive_;
  const std::uint64_t size_bytes_;
};

// A zip that was damaged, or one that would not be taken.
Status not_understood(const Status& status) {
  return status.code() == Code::Malformed ? no_recipe(status.message()) : status;
}

// The files that the central directory names, in the order in which they lie in the archive.
Result<std::vector<ZipEntry>> files_in(RandomSource& source, std::uint64_t size_bytes) {
  const auto directory = find_zip_directory(source, size_bytes);
  if (!directory.ok()) return not_understood(directory.status());
  if (directory->end_bytes - directory->begin_bytes > kDirectoryBytesMax) return no_recipe("a huge directory");
  std::vector<ZipEntry> files;
  for (ZipEntries entries(source, *directory);;) {
    const auto entry = entries.next();
    if (!entry.ok()) return not_understood(entry.status());
    if (!*entry) break;
    if ((*entry)->packed_bytes > 0) files.push_back(**entry);
  }
  std::sort(files.begin(), files.end(),
            [](const ZipEntry& a, const ZipEntry& b) { return a.header_bytes < b.header_bytes; });
  return files;
}

class ZipWalk {
 public:
  ZipWalk(const ArchiveReadAt& archive, std::uint64_t size_bytes, const RecipeMembers& members, RecipeBuilder& builder)
      : archive_(archive), size_bytes_(size_bytes), members_(members), builder_(builder) {}

  Status run() {
    RandomSource source(archive_, size_bytes_);
    const auto files = files_in(source, size_bytes_);
    if (!files.ok()) return files.status();
    for (const ZipEntry& each : *files) {
      Status status = add(each);
      if (!status.ok()) return status;
    }
    return keep_to(size_bytes_);
  }

 private:
  Status add(const ZipEntry& file) {
    if (!members_.may_hold(file.unpacked_bytes)) return no_recipe("a file that is not among the members");
    std::array<std::byte, kZipLocalBytes> header{};
    const auto got = archive_(file.header_bytes, header);
    if (!got.ok()) return got.status();
    const bool is_header = *got == header.size() && zip_u32(header, 0) == kZipLocalSignature;
    const std::uint64_t at = file.header_bytes + kZipLocalBytes + zip_u16(header, 26) + zip_u16(header, 28);
    if (!is_header || file.header_bytes < done_ || at > size_bytes_ || file.packed_bytes > size_bytes_ - at) {
      return no_recipe("files that overlap");
    }
    Status status = keep_to(at);
    if (!status.ok()) return status;
    const ArchivePiece piece = {at, file.packed_bytes};
    return file.method == 0 ? add_stored(piece) : add_deflated(piece);
  }

  Status add_stored(const ArchivePiece& piece) {
    Hasher hasher;
    Status status = read_piece(archive_, piece, [&](ByteView bytes) {
      hasher.add(bytes);
      return Status();
    });
    if (!status.ok()) return status;
    const auto content = members_.content_of(hasher.finish().digest);
    if (!content) return add_foreign(piece);
    builder_.add_content(*content, piece.size_bytes);
    done_ = piece.offset_bytes + piece.size_bytes;
    return {};
  }

  Status add_deflated(const ArchivePiece& piece) {
    Hasher hasher;
    const auto inflated = inflate_piece(archive_, piece, [&](ByteView bytes) {
      hasher.add(bytes);
      return Status();
    });
    if (!inflated.ok()) return inflated.status();
    const auto content = members_.content_of(hasher.finish().digest);
    if (!content || !inflated->finished || inflated->read_bytes != piece.size_bytes) return add_foreign(piece);
    const auto parameters = parameters_of(piece);
    if (!parameters.ok()) return parameters.status();
    if (!*parameters) return add_foreign(piece);
    last_parameters_ = **parameters;
    builder_.add_deflated(*content, inflated->written_bytes, piece.size_bytes, last_parameters_);
    done_ = piece.offset_bytes + piece.size_bytes;
    return {};
  }

  // One writer makes all files of a zip, so what fitted the last is tried alone first.
  Result<std::optional<DeflateParameters>> parameters_of(const ArchivePiece& piece) {
    for (const auto& candidates : {std::vector{last_parameters_}, likely_parameters(last_parameters_.level)}) {
      const auto matching = matching_parameters(archive_, piece, candidates);
      if (!matching.ok()) return matching.status();
      if (!matching->empty()) return std::optional(matching->front());
    }
    return std::optional<DeflateParameters>();
  }

  Status add_foreign(const ArchivePiece& piece) {
    if (piece.size_bytes > kForeignBytesMax) return no_recipe("a file that cannot be rebuilt");
    return keep_to(piece.offset_bytes + piece.size_bytes);
  }

  // Records what lies between the last piece and `end`.
  Status keep_to(std::uint64_t end) {
    Status status = read_piece(archive_, {done_, end - done_}, [&](ByteView bytes) {
      builder_.add_literal(bytes);
      return builder_.packed_bytes() > kPackedBytesMax ? no_recipe("too many bytes belong to no member") : Status();
    });
    done_ = end;
    return status;
  }

  const ArchiveReadAt& archive_;
  std::uint64_t size_bytes_;
  const RecipeMembers& members_;
  RecipeBuilder& builder_;
  std::uint64_t done_ = 0;
  DeflateParameters last_parameters_;
};

}  // namespace

Status walk_zip(const ArchiveReadAt& archive, std::uint64_t size_bytes, const RecipeMembers& members,
                RecipeBuilder& builder) {
  return ZipWalk(archive, size_bytes, members, builder).run();
}

}  // namespace modelfs
