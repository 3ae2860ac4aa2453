#include "archive/recipe/deflate_guess.h"

#include <algorithm>
#include <string>

namespace modelfs {
namespace {

// One set of parameters, and how far its output equals the stream.
class Attempt {
 public:
  Attempt(DeflateParameters parameters, ByteView stream)
      : parameters_(parameters), stream_(stream), writer_(parameters) {}

  DeflateParameters parameters() const { return parameters_; }
  std::size_t matched_bytes() const { return matched_; }

  // Whether it still matches after these bytes.
  bool add(ByteView plain) {
    return writer_.add(plain, [this](ByteView made) { return compare(made); }).ok();
  }
  bool finish() {
    return writer_.finish([this](ByteView made) { return compare(made); }).ok();
  }

 private:
  // Output beyond the available part of the stream proves nothing.
  Status compare(ByteView made) {
    const std::size_t count = std::min(made.size(), stream_.size() - matched_);
    const ByteView expected = stream_.subspan(matched_, count);
    if (!std::equal(expected.begin(), expected.end(), made.begin())) return Status(Code::Conflict, "differs");
    matched_ += count;
    return {};
  }

  DeflateParameters parameters_;
  ByteView stream_;
  std::size_t matched_ = 0;
  DeflateWriter writer_;
};

using Attempts = std::vector<std::unique_ptr<Attempt>>;

Result<std::string> beginning_of(const ArchiveReadAt& archive, const ArchivePiece& stream) {
  std::string beginning;
  const ArchivePiece piece = {stream.offset_bytes, std::min(stream.size_bytes, kGuessCompressedBytes)};
  Status status = read_piece(archive, piece, [&](ByteView bytes) {
    beginning += text_of(bytes);
    return Status();
  });
  if (!status.ok()) return status;
  return beginning;
}

}  // namespace

std::vector<DeflateParameters> likely_parameters(int level) {
  std::vector<DeflateParameters> all;
  for (int each = 9; each >= 1; --each) {
    all.push_back({.level = each, .memory_level = 8, .compressor = Compressor::Zlib});
    // Why before zlib's memory level 9: where both match it was gzip, and the recipe needs no particular zlib then.
    all.push_back({.level = each, .memory_level = 9, .compressor = Compressor::GnuGzip});
    all.push_back({.level = each, .memory_level = 9, .compressor = Compressor::Zlib});
  }
  all.push_back({.level = 1, .memory_level = 1, .compressor = Compressor::Stored});
  std::stable_partition(all.begin(), all.end(), [&](DeflateParameters each) { return each.level == level; });
  return all;
}

Result<std::vector<DeflateParameters>> matching_parameters(const ArchiveReadAt& archive, const ArchivePiece& stream,
                                                           const std::vector<DeflateParameters>& candidates) {
  const auto beginning = beginning_of(archive, stream);
  if (!beginning.ok()) return beginning.status();
  const ByteView at_hand = bytes_of(*beginning);
  Attempts attempts;
  for (const DeflateParameters each : candidates) attempts.push_back(std::make_unique<Attempt>(each, at_hand));

  const ArchiveReadAt from_memory = [&](std::uint64_t offset, ByteSpan into) -> Result<std::size_t> {
    std::copy_n(at_hand.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return into.size();
  };
  std::uint64_t plain_bytes = 0;
  bool has_enough = false;
  const auto inflated = inflate_piece(from_memory, {0, at_hand.size()}, [&](ByteView plain) -> Status {
    for (auto& attempt : attempts) {
      // Why through the archive, which is in memory: only it knows whether the search was cancelled.
      if (const auto goes_on = archive(stream.offset_bytes, {}); !goes_on.ok()) return goes_on.status();
      if (!attempt->add(plain)) attempt.reset();
    }
    std::erase(attempts, nullptr);
    plain_bytes += plain.size();
    has_enough = attempts.empty() || plain_bytes >= kGuessPlainBytes;
    return has_enough ? Status(Code::Interrupted, "enough") : Status();  // not an error: the way to stop
  });
  if (!inflated.ok() && !has_enough) return inflated.status();
  if (inflated.ok() && inflated->finished) {
    std::erase_if(attempts, [&](const auto& attempt) {
      return !attempt->finish() || attempt->matched_bytes() != inflated->read_bytes;
    });
  }

  std::vector<DeflateParameters> matching;
  for (const auto& attempt : attempts) matching.push_back(attempt->parameters());
  return matching;
}

}  // namespace modelfs
