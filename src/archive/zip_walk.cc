#include "archive/zip_walk.h"

#include <algorithm>

#include "archive/deflate_guess.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kMax32 = 0xffffffff;
constexpr std::uint64_t kOffsetMax = std::uint64_t{1} << 62;  // an off_t has no more; what says so is damaged
constexpr std::uint64_t kDirectoryBytesMax = 64 * 1024 * 1024;
constexpr std::uint64_t kEndBytes = 22;
constexpr std::uint64_t kCommentBytesMax = 65'535;
constexpr std::uint64_t kLocatorBytes = 20;
constexpr std::uint64_t kZip64EndBytes = 56;
constexpr std::size_t kCentralBytes = 46;
constexpr std::uint64_t kLocalBytes = 30;

// 0 beyond the end.
std::uint64_t number_at(std::string_view record, std::size_t at, std::size_t count) {
  std::uint64_t number = 0;
  if (at + count > record.size()) return 0;
  for (std::size_t i = count; i-- > 0;) number = number << 8 | static_cast<unsigned char>(record[at + i]);
  return number;
}

enum class Method { Stored, Deflated };

// A file in the archive.
struct ZipRun {
  Method method = Method::Stored;
  std::uint64_t header_at = 0;
  std::uint64_t packed_bytes = 0;
  std::uint64_t plain_bytes = 0;
};

Result<std::string> bytes_at(const ArchiveReadAt& archive, const ArchivePiece& piece) {
  if (piece.offset_bytes > kOffsetMax) return no_recipe("the zip ends too early");
  std::string bytes(piece.size_bytes, '\0');
  const auto got = archive(piece.offset_bytes, std::as_writable_bytes(std::span(bytes)));
  if (!got.ok()) return got.status();
  if (*got != bytes.size()) return no_recipe("the zip ends too early");
  return bytes;
}

// The central directory, by the records at the archive's end.
Result<ArchivePiece> find_directory(const ArchiveReadAt& archive, std::uint64_t size_bytes) {
  const std::uint64_t tail_bytes = std::min(size_bytes, kEndBytes + kCommentBytesMax + kLocatorBytes);
  const std::uint64_t tail_at = size_bytes - tail_bytes;
  const auto tail = bytes_at(archive, {tail_at, tail_bytes});
  if (!tail.ok()) return tail.status();
  const std::size_t end = tail->rfind("PK\5\6");
  if (end == std::string::npos || tail->size() - end < kEndBytes) return no_recipe("no end of a zip");
  ArchivePiece directory = {number_at(*tail, end + 16, 4), number_at(*tail, end + 12, 4)};

  const bool has_locator = end >= kLocatorBytes && tail->compare(end - kLocatorBytes, 4, "PK\6\7") == 0;
  if (has_locator) {
    const auto zip64 = bytes_at(archive, {number_at(*tail, end - kLocatorBytes + 8, 8), kZip64EndBytes});
    if (!zip64.ok()) return zip64.status();
    directory = {number_at(*zip64, 48, 8), number_at(*zip64, 40, 8)};
  }
  const bool fits = directory.size_bytes <= kDirectoryBytesMax && directory.offset_bytes <= size_bytes &&
                    directory.size_bytes <= size_bytes - directory.offset_bytes;
  return fits ? Result<ArchivePiece>(directory) : no_recipe("a huge or absent directory");
}

// Replaces the numbers that a central header leaves to its zip64 field.
void read_zip64(std::string_view extra, ZipRun& run) {
  while (extra.size() >= 4) {
    const std::uint64_t length = number_at(extra, 2, 2);
    if (number_at(extra, 0, 2) == 1) {
      const std::string_view field = extra.substr(4, length);
      std::size_t at = 0;
      for (std::uint64_t* number : {&run.plain_bytes, &run.packed_bytes, &run.header_at}) {
        if (*number != kMax32) continue;
        *number = number_at(field, at, 8);
        at += 8;
      }
      return;
    }
    extra.remove_prefix(std::min<std::size_t>(extra.size(), 4 + length));
  }
}

// The files that the directory names, in the order in which they lie in the archive.
Result<std::vector<ZipRun>> runs_in(std::string_view directory) {
  std::vector<ZipRun> runs;
  while (directory.starts_with("PK\1\2") && directory.size() >= kCentralBytes) {
    const std::uint64_t method = number_at(directory, 10, 2);
    ZipRun run = {.method = method == 0 ? Method::Stored : Method::Deflated,
                  .header_at = number_at(directory, 42, 4),
                  .packed_bytes = number_at(directory, 20, 4),
                  .plain_bytes = number_at(directory, 24, 4)};
    const std::size_t name_bytes = number_at(directory, 28, 2);
    const std::size_t extra_bytes = number_at(directory, 30, 2);
    const std::size_t length = kCentralBytes + name_bytes + extra_bytes + number_at(directory, 32, 2);
    if (length > directory.size()) return no_recipe("a directory that ends too early");
    read_zip64(directory.substr(kCentralBytes + name_bytes, extra_bytes), run);
    if ((method == 0 || method == 8) && run.packed_bytes > 0) runs.push_back(run);
    directory.remove_prefix(length);
  }
  std::sort(runs.begin(), runs.end(), [](const ZipRun& a, const ZipRun& b) { return a.header_at < b.header_at; });
  return runs;
}

class ZipWalk {
 public:
  ZipWalk(const ArchiveReadAt& archive, std::uint64_t size_bytes, const RecipeMembers& members, RecipeBuilder& builder)
      : archive_(archive), size_bytes_(size_bytes), members_(members), builder_(builder) {}

  Status run() {
    const auto directory = find_directory(archive_, size_bytes_);
    if (!directory.ok()) return directory.status();
    const auto text = bytes_at(archive_, *directory);
    if (!text.ok()) return text.status();
    const auto runs = runs_in(*text);
    if (!runs.ok()) return runs.status();
    for (const ZipRun& each : *runs) {
      Status status = add(each);
      if (!status.ok()) return status;
    }
    return keep_to(size_bytes_);
  }

 private:
  Status add(const ZipRun& run) {
    if (!members_.may_hold(run.plain_bytes)) return no_recipe("a file that is not among the members");
    const auto header = bytes_at(archive_, {run.header_at, kLocalBytes});
    if (!header.ok()) return header.status();
    const std::uint64_t at = run.header_at + kLocalBytes + number_at(*header, 26, 2) + number_at(*header, 28, 2);
    if (!header->starts_with("PK\3\4") || run.header_at < done_ || at > size_bytes_ ||
        run.packed_bytes > size_bytes_ - at) {
      return no_recipe("files that overlap");
    }
    Status status = keep_to(at);
    if (!status.ok()) return status;
    const ArchivePiece piece = {at, run.packed_bytes};
    return run.method == Method::Stored ? add_stored(piece) : add_deflated(piece);
  }

  Status add_stored(const ArchivePiece& piece) {
    Summer summer;
    Status status = read_piece(archive_, piece, [&](ByteView bytes) {
      summer.add(bytes);
      return Status();
    });
    if (!status.ok()) return status;
    const auto content = members_.content_of(summer.finish().digest);
    if (!content) return add_foreign(piece);
    builder_.add_content(*content, piece.size_bytes);
    done_ = piece.offset_bytes + piece.size_bytes;
    return {};
  }

  Status add_deflated(const ArchivePiece& piece) {
    Summer summer;
    const auto inflated = inflate_piece(archive_, piece, [&](ByteView bytes) {
      summer.add(bytes);
      return Status();
    });
    if (!inflated.ok()) return inflated.status();
    const auto content = members_.content_of(summer.finish().digest);
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
    if (piece.size_bytes > kForeignBytesMax) return no_recipe("a file that cannot be made again");
    return keep_to(piece.offset_bytes + piece.size_bytes);
  }

  // Takes down what lies between the last piece and `end`.
  Status keep_to(std::uint64_t end) {
    Status status = read_piece(archive_, {done_, end - done_}, [&](ByteView bytes) {
      builder_.add_literal(bytes);
      return builder_.packed_bytes() > kPackedBytesMax ? no_recipe("too many bytes are no member's") : Status();
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
