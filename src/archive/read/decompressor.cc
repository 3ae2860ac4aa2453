#include "archive/read/decompressor.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "archive/read/buffered_input.h"

namespace modelfs {
namespace {

// Bytes given to zlib and libzstd at once, far below what their 32-bit counters hold.
constexpr std::size_t kPieceBytes = 1 << 20;

Status truncated(std::string_view format) {
  return {Code::Malformed, std::string(kTruncatedArchive) + ": its " + std::string(format) + " stream does not end"};
}

class PlainUnpacker final : public Decompressor {
 public:
  explicit PlainUnpacker(ArchiveSource& source) : source_(source) {}
  Result<std::size_t> read(ByteSpan into) override {
    auto got = source_.read_at(offset_, into);
    if (got.ok()) offset_ += *got;
    return got;
  }
  std::uint64_t packed_bytes() const override { return offset_; }

 private:
  ArchiveSource& source_;
  std::uint64_t offset_ = 0;
};

// What gzip and zstd have in common: a row of parts, each with an end of its own.
class PartsUnpacker : public Decompressor {
 public:
  explicit PartsUnpacker(ArchiveSource& source) : input_(source) {}

  Result<std::size_t> read(ByteSpan into) final {
    std::size_t filled = 0;
    while (filled < into.size() && !done_) {
      if (!in_part_) {
        if (Status status = next_part(); !status.ok()) return status;
        continue;
      }
      const auto input = input_.peek();
      if (!input.ok()) return input.status();
      const ByteSpan room = into.subspan(filled, std::min(into.size() - filled, kPieceBytes));
      const auto step = unpack(*input, room);
      if (!step.ok()) return step.status();
      input_.use(step->used);
      filled += step->made;
      in_part_ = !step->ended;
      if (in_part_ && step->used == 0 && step->made == 0) return truncated(format());
    }
    return filled;
  }
  std::uint64_t packed_bytes() const final { return input_.used_bytes(); }

 protected:
  struct Step {
    std::size_t used = 0;
    std::size_t made = 0;
    bool ended = false;  // the part
  };
  // Unpacks some of `input`, which is empty at the archive's end.
  virtual Result<Step> unpack(ByteView input, ByteSpan room) = 0;
  virtual Status begin_part() = 0;
  // Whether a part begins with these bytes, four unless the archive ends.
  virtual bool is_part(ByteView start) const = 0;
  virtual std::string_view format() const = 0;

 private:
  Status next_part() {
    const auto start = input_.peek(4);
    if (!start.ok()) return start.status();
    if (is_part(*start)) {
      in_part_ = true;
      any_ = true;
      return begin_part();
    }
    if (!any_) return {Code::Malformed, "the archive is not in " + std::string(format()) + " format"};
    done_ = true;
    return input_.expect_zeros();
  }

  BufferedInput input_;
  bool in_part_ = false;
  bool any_ = false;
  bool done_ = false;
};

class GzipUnpacker final : public PartsUnpacker {
 public:
  explicit GzipUnpacker(ArchiveSource& source) : PartsUnpacker(source) {
    // 16: a gzip header and trailer, which zlib checks. Source: zlib.h, inflateInit2.
    ready_ = ::inflateInit2(&stream_, MAX_WBITS + 16) == Z_OK;
  }
  ~GzipUnpacker() override {
    if (ready_) ::inflateEnd(&stream_);
  }
  GzipUnpacker(const GzipUnpacker&) = delete;
  GzipUnpacker& operator=(const GzipUnpacker&) = delete;

 protected:
  Result<Step> unpack(ByteView input, ByteSpan room) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(room.size());
    const int answer = ::inflate(&stream_, Z_NO_FLUSH);
    if (answer != Z_OK && answer != Z_STREAM_END && answer != Z_BUF_ERROR) {
      const char* const why = stream_.msg != nullptr ? stream_.msg : "unusable";
      return Status(Code::Malformed, std::string("the gzip stream is damaged: ") + why);
    }
    return Step{input.size() - stream_.avail_in, room.size() - stream_.avail_out, answer == Z_STREAM_END};
  }
  Status begin_part() override {
    if (!ready_ || ::inflateReset(&stream_) != Z_OK) return {Code::Internal, "zlib cannot be set up"};
    return {};
  }
  bool is_part(ByteView start) const override {
    return start.size() >= 2 && start[0] == std::byte{0x1f} && start[1] == std::byte{0x8b};
  }
  std::string_view format() const override { return "gzip"; }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

class ZstdUnpacker final : public PartsUnpacker {
 public:
  explicit ZstdUnpacker(ArchiveSource& source) : PartsUnpacker(source), stream_(::ZSTD_createDCtx()) {}
  ~ZstdUnpacker() override { ::ZSTD_freeDCtx(stream_); }
  ZstdUnpacker(const ZstdUnpacker&) = delete;
  ZstdUnpacker& operator=(const ZstdUnpacker&) = delete;

 protected:
  Result<Step> unpack(ByteView input, ByteSpan room) override {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const std::size_t answer = ::ZSTD_decompressStream(stream_, &out, &in);
    if (::ZSTD_getErrorCode(answer) == ZSTD_error_frameParameter_windowTooLarge) {
      return Status(
          Code::Malformed,
          "the zstd stream needs a window of more than 128 MiB; compress it again with --long=27 or without --long");
    }
    if (::ZSTD_isError(answer) != 0) {
      return Status(Code::Malformed, std::string("the zstd stream is damaged: ") + ::ZSTD_getErrorName(answer));
    }
    return Step{in.pos, out.pos, answer == 0};
  }
  Status begin_part() override {
    constexpr int kWindowLogMax = 27;
    if (stream_ == nullptr || ::ZSTD_isError(::ZSTD_DCtx_reset(stream_, ZSTD_reset_session_only)) != 0 ||
        ::ZSTD_isError(::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kWindowLogMax)) != 0) {
      return {Code::Internal, "libzstd cannot be set up"};
    }
    return {};
  }
  // A frame, or one to be skipped. Not what zstd wrote before version 0.8, which libzstd would read too.
  bool is_part(ByteView start) const override {
    if (start.size() < 4) return false;
    std::uint32_t magic = 0;
    for (std::size_t i = 4; i-- > 0;) magic = magic << 8 | static_cast<std::uint32_t>(start[i]);
    return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
  }
  std::string_view format() const override { return "zstd"; }

 private:
  ZSTD_DCtx* const stream_;
};

}  // namespace

std::unique_ptr<Decompressor> unpack_nothing(ArchiveSource& source) { return std::make_unique<PlainUnpacker>(source); }
std::unique_ptr<Decompressor> unpack_gzip(ArchiveSource& source) { return std::make_unique<GzipUnpacker>(source); }
std::unique_ptr<Decompressor> unpack_zstd(ArchiveSource& source) { return std::make_unique<ZstdUnpacker>(source); }

}  // namespace modelfs
