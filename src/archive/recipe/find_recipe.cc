#include "archive/recipe/find_recipe.h"

#include <algorithm>

#include "archive/recipe/deflate_guess.h"
#include "archive/recipe/tar_scanner.h"
#include "archive/recipe/zip_scanner.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kHeaderBytesMax = 128 * 1024;
constexpr std::uint64_t kTrailerBytes = 8;
// So many parameters that match the first 4 MiB are tried on the whole.
constexpr std::size_t kProofsMax = 3;

// Where a field that ends with NUL ends; npos when it does not.
std::size_t end_of_text(std::string_view header, std::size_t at) {
  const std::size_t nul = header.find('\0', at);
  return nul == std::string_view::npos ? nul : nul + 1;
}

// The length of a gzip header; none when it is not one. Source: RFC 1952.
std::optional<std::size_t> gzip_header_bytes(std::string_view start) {
  if (start.size() < 10 || !start.starts_with("\x1f\x8b\x08")) return std::nullopt;
  const auto flags = static_cast<unsigned char>(start[3]);
  std::size_t at = 10;
  if ((flags & 4) != 0) {
    if (start.size() < at + 2) return std::nullopt;
    at += 2 + static_cast<unsigned char>(start[at]) + 256u * static_cast<unsigned char>(start[at + 1]);
  }
  for (const unsigned flag : {8u, 16u}) {  // name, comment
    if ((flags & flag) != 0 && at < start.size()) at = end_of_text(start, at);
  }
  if ((flags & 2) != 0 && at < start.size()) at += 2;
  return at <= start.size() ? std::optional(at) : std::nullopt;
}

// Writers record in the header whether they compressed best or fastest.
int likely_level(std::string_view gzip_header) {
  switch (gzip_header[8]) {
    case 2: return 9;
    case 4: return 1;
    default: return 6;
  }
}

class Search {
 public:
  Search(const RecipeSource& source, std::span<const RecipeMember> members, const ContentReadAt& content,
         const std::atomic<bool>& cancel)
      : source_(source), members_(members), content_(content) {
    archive_ = [&source, &cancel](std::uint64_t offset, ByteSpan into) -> Result<std::size_t> {
      if (cancel.load(std::memory_order_relaxed))
        return Status(Code::Interrupted, "the search for a recipe was cancelled");
      return source.read_at(offset, into);
    };
  }

  Result<Recipe> run() {
    switch (source_.format) {
      case ArchiveFormat::Tar: return find_tar();
      case ArchiveFormat::TarGz: return find_gzip();
      case ArchiveFormat::Zip: return find_zip();
      case ArchiveFormat::TarZst: break;
    }
    return no_recipe("a format that cannot be rebuilt");
  }

 private:
  Result<Recipe> find_tar() {
    TarWalk walk(members_, builder_);
    Status status = read_piece(archive_, {0, source_.size_bytes}, [&](ByteView bytes) { return walk.add(bytes); });
    if (status.ok()) status = walk.finish();
    return status.ok() ? proven(finished()) : status;
  }

  Result<Recipe> find_zip() {
    Status status = walk_zip(archive_, source_.size_bytes, members_, builder_);
    return status.ok() ? proven(finished()) : status;
  }

  Result<Recipe> find_gzip() {
    auto frame = read_frame();
    if (!frame.ok()) return frame.status();
    const ArchivePiece stream = {frame->header.size(),
                                 source_.size_bytes - frame->header.size() - frame->trailer.size()};
    const auto parameters = matching_parameters(archive_, stream, likely_parameters(likely_level(frame->header)));
    if (!parameters.ok()) return parameters.status();
    if (parameters->empty()) return no_recipe("another compressor");

    TarWalk walk(members_, builder_);
    const auto inflated = inflate_piece(archive_, stream, [&](ByteView bytes) { return walk.add(bytes); });
    if (!inflated.ok()) return inflated.status();
    if (!inflated->finished || inflated->read_bytes != stream.size_bytes) return no_recipe("several gzip members");
    Status status = walk.finish();
    if (!status.ok()) return status;

    Recipe recipe = finished();
    recipe.gzip = std::move(*frame);
    return proven_with(std::move(recipe), *parameters);
  }

  Result<GzipFrame> read_frame() {
    std::string start(std::min(source_.size_bytes, kHeaderBytesMax), '\0');
    const auto got = archive_(0, std::as_writable_bytes(std::span(start)));
    if (!got.ok()) return got.status();
    start.resize(*got);
    const auto header_bytes = gzip_header_bytes(start);
    if (!header_bytes || source_.size_bytes < *header_bytes + kTrailerBytes) return no_recipe("not a gzip file");
    GzipFrame frame;
    frame.header = start.substr(0, *header_bytes);
    frame.trailer.resize(kTrailerBytes);
    const auto end = archive_(source_.size_bytes - kTrailerBytes, std::as_writable_bytes(std::span(frame.trailer)));
    if (!end.ok()) return end.status();
    return frame;
  }

  Recipe finished() {
    Recipe recipe = builder_.finish();
    recipe.format = source_.format;
    recipe.size_bytes = source_.size_bytes;
    return recipe;
  }

  // The output of two levels may be equal for long and differ in the end.
  Result<Recipe> proven_with(Recipe recipe, const std::vector<DeflateParameters>& parameters) {
    for (std::size_t i = 0; i < std::min(parameters.size(), kProofsMax); ++i) {
      recipe.gzip->deflate = parameters[i];
      auto result = proven(recipe);
      if (result.code() != Code::Conflict) return result;
    }
    return no_recipe("no parameters rebuild all of it");
  }

  // The recipe with the archive's digest, if it rebuilds the archive.
  Result<Recipe> proven(Recipe recipe) {
    Hasher hasher;
    std::uint64_t at = 0;
    Status status = rebuild_unchecked(recipe, content_, [&](ByteView made) {
      Status same = compare(at, made);
      at += made.size();
      hasher.add(made);
      return same;
    });
    if (!status.ok()) return status;
    if (at != source_.size_bytes) return no_recipe("it rebuilds too little");
    recipe.digest = hasher.finish().digest;
    if (recipe.encode().size() > source_.size_bytes / 2) return no_recipe("it is hardly smaller than the archive");
    return recipe;
  }

  Status compare(std::uint64_t at, ByteView made) {
    buffer_.resize(made.size());
    const auto got = archive_(at, buffer_);
    if (!got.ok()) return got.status();
    const bool same = *got == made.size() && std::equal(made.begin(), made.end(), buffer_.begin());
    return same ? Status() : no_recipe("it rebuilds other bytes");
  }

  const RecipeSource& source_;
  const RecipeMembers members_;
  const ContentReadAt& content_;
  ArchiveReadAt archive_;
  RecipeBuilder builder_;
  std::vector<std::byte> buffer_;
};

}  // namespace

Result<std::optional<Recipe>> find_recipe(const RecipeSource& source, std::span<const RecipeMember> members,
                                          const ContentReadAt& content, const std::atomic<bool>& cancel) {
  auto recipe = Search(source, members, content, cancel).run();
  if (recipe.ok()) return std::optional(*std::move(recipe));
  // Malformed: a compressed stream is damaged, which no recipe can rebuild.
  if (recipe.code() == Code::Conflict || recipe.code() == Code::Malformed) return std::optional<Recipe>();
  return recipe.status();
}

}  // namespace modelfs
