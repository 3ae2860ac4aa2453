#include "archive/recipe/deflate_codec.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "archive/recipe/gnu_deflate.h"
#include "archive/write/gzip_stored.h"

namespace modelfs {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr int kRawWindowBits = -15;  // negative: without zlib's or gzip's own frame

// zlib's structure is not const-correct.
Bytef* input_of(ByteView bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // NOLINT(*-const-cast)
}
Bytef* output_of(ByteSpan bytes) { return reinterpret_cast<Bytef*>(bytes.data()); }

}  // namespace

class DeflateWriter::Compression {
 public:
  virtual ~Compression() = default;
  virtual Status add(ByteView bytes, const ByteSink& sink) = 0;
  virtual Status finish(const ByteSink& sink) = 0;
};

class DeflateWriter::ByZlib final : public Compression {
 public:
  explicit ByZlib(DeflateParameters parameters) {
    input_.reserve(kBufferBytes);
    error_ = ::deflateInit2(&stream_, parameters.level, Z_DEFLATED, kRawWindowBits, parameters.memory_level,
                            Z_DEFAULT_STRATEGY);
  }
  ~ByZlib() override { ::deflateEnd(&stream_); }
  ByZlib(const ByZlib&) = delete;
  ByZlib& operator=(const ByZlib&) = delete;

  // Why buffered: the output of deflate may depend on how much input it gets at once, so it always gets whole buffers.
  Status add(ByteView bytes, const ByteSink& sink) override {
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), kBufferBytes - input_.size());
      input_.insert(input_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
      bytes = bytes.subspan(count);
      if (input_.size() < kBufferBytes) return {};
      Status status = run(Z_NO_FLUSH, sink);
      if (!status.ok()) return status;
    }
    return {};
  }
  Status finish(const ByteSink& sink) override { return run(Z_FINISH, sink); }

 private:
  Status run(int flush, const ByteSink& sink) {
    if (error_ != Z_OK) return Status(Code::Internal, "deflate does not start: " + std::to_string(error_));
    stream_.next_in = input_of(input_);
    stream_.avail_in = static_cast<uInt>(input_.size());
    do {
      stream_.next_out = output_of(output_);
      stream_.avail_out = kBufferBytes;
      if (::deflate(&stream_, flush) == Z_STREAM_ERROR) return Status(Code::Internal, "deflate failed");
      const std::size_t made = kBufferBytes - stream_.avail_out;
      Status status = made == 0 ? Status() : sink(ByteView(output_).first(made));
      if (!status.ok()) return status;
    } while (stream_.avail_out == 0);
    input_.clear();
    return {};
  }

  z_stream stream_{};
  int error_ = Z_OK;
  std::vector<std::byte> input_;
  std::vector<std::byte> output_ = std::vector<std::byte>(kBufferBytes);
};

class DeflateWriter::ByGnuGzip final : public Compression {
 public:
  explicit ByGnuGzip(int level) : deflate_(level) {}
  Status add(ByteView bytes, const ByteSink& sink) override {
    deflate_.add(bytes);
    return pass_on(sink);
  }
  Status finish(const ByteSink& sink) override {
    deflate_.finish();
    return pass_on(sink);
  }

 private:
  Status pass_on(const ByteSink& sink) {
    const std::string made = deflate_.take();
    return made.empty() ? Status() : sink(bytes_of(made));
  }
  GnuDeflate deflate_;
};

class DeflateWriter::ByNothing final : public Compression {
 public:
  // Why a whole block is kept until more input arrives: the last block is marked as the last.
  Status add(ByteView bytes, const ByteSink& sink) override {
    while (!bytes.empty()) {
      if (block_.size() == kStoredBlockBytes) {
        if (Status status = end_block(false, sink); !status.ok()) return status;
      }
      const std::size_t count = std::min(bytes.size(), kStoredBlockBytes - block_.size());
      block_ += text_of(bytes.first(count));
      bytes = bytes.subspan(count);
    }
    return {};
  }
  Status finish(const ByteSink& sink) override { return end_block(true, sink); }

 private:
  Status end_block(bool is_last, const ByteSink& sink) {
    const std::string header = stored_block_header(block_.size(), is_last);
    if (Status status = sink(bytes_of(header)); !status.ok()) return status;
    const Status status = block_.empty() ? Status() : sink(bytes_of(block_));
    block_.clear();
    return status;
  }
  std::string block_;
};

DeflateWriter::DeflateWriter(DeflateParameters parameters) {
  switch (parameters.compressor) {
    case Compressor::Zlib: compression_ = std::make_unique<ByZlib>(parameters); break;
    case Compressor::GnuGzip: compression_ = std::make_unique<ByGnuGzip>(parameters.level); break;
    case Compressor::Stored: compression_ = std::make_unique<ByNothing>(); break;
  }
}
DeflateWriter::~DeflateWriter() = default;

Status DeflateWriter::add(ByteView bytes, const ByteSink& sink) { return compression_->add(bytes, sink); }
Status DeflateWriter::finish(const ByteSink& sink) { return compression_->finish(sink); }

Status read_piece(const ArchiveReadAt& archive, const ArchivePiece& piece, const ByteSink& sink) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(piece.size_bytes, 4 * kBufferBytes));
  for (std::uint64_t done = 0; done < piece.size_bytes;) {
    const std::size_t count = std::min<std::uint64_t>(buffer.size(), piece.size_bytes - done);
    const auto got = archive(piece.offset_bytes + done, ByteSpan(buffer).first(count));
    if (!got.ok()) return got.status();
    if (*got != count) return Status(Code::Corrupt, "the archive has become shorter");
    Status status = sink(ByteView(buffer).first(count));
    if (!status.ok()) return status;
    done += count;
  }
  return {};
}

namespace {

// Inflates what it is given until the stream ends.
class Inflater {
 public:
  explicit Inflater(const ByteSink& sink) : sink_(sink) { error_ = ::inflateInit2(&stream_, kRawWindowBits); }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  const Inflated& progress() const { return progress_; }

  Status add(ByteView bytes) {
    if (error_ != Z_OK) return Status(Code::Internal, "inflate does not start: " + std::to_string(error_));
    stream_.next_in = input_of(bytes);
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      Status status = step();
      if (!status.ok()) return status;
    } while (!progress_.finished && (stream_.avail_in > 0 || stream_.avail_out == 0));
    progress_.read_bytes += bytes.size() - stream_.avail_in;
    return {};
  }

 private:
  Status step() {
    stream_.next_out = output_of(output_);
    stream_.avail_out = kBufferBytes;
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return Status(Code::Malformed, "the compressed data is damaged");
    }
    progress_.finished = result == Z_STREAM_END;
    const std::size_t made = kBufferBytes - stream_.avail_out;
    progress_.written_bytes += made;
    return made == 0 ? Status() : sink_(ByteView(output_).first(made));
  }

  const ByteSink& sink_;
  z_stream stream_{};
  int error_ = Z_OK;
  Inflated progress_;
  std::vector<std::byte> output_ = std::vector<std::byte>(kBufferBytes);
};

}  // namespace

Result<Inflated> inflate_piece(const ArchiveReadAt& archive, const ArchivePiece& piece, const ByteSink& sink) {
  Inflater inflater(sink);
  // Not an error: the way to stop reading when the stream has ended before the piece.
  const Status ended(Code::Interrupted, "ended");
  bool stopped = false;
  Status status = read_piece(archive, piece, [&](ByteView bytes) {
    Status added = inflater.add(bytes);
    stopped = added.ok() && inflater.progress().finished;
    return stopped ? ended : added;
  });
  if (!status.ok() && !stopped) return status;
  return inflater.progress();
}

}  // namespace modelfs
