#include "archive/write/zstd_writer.h"

#include <zstd.h>

#include <string>
#include <vector>

namespace modelfs {

struct ZstdWriter::State {
  State() : context(::ZSTD_createCCtx()), packed(::ZSTD_CStreamOutSize()) {
    if (context == nullptr) return;
    // Level 3 is zstd's own default. Why a checksum: a reader then sees damage that the format alone does not show.
    ::ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 3);
    ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  }
  ~State() { ::ZSTD_freeCCtx(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ZSTD_CCtx* const context;
  std::vector<std::byte> packed;
};

ZstdWriter::ZstdWriter(Sink sink) : sink_(std::move(sink)), state_(std::make_unique<State>()) {}
ZstdWriter::~ZstdWriter() = default;

Status ZstdWriter::pack(ByteView bytes, bool last) {
  if (state_->context == nullptr) return {Code::Internal, "no memory for zstd"};
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (;;) {
    ZSTD_outBuffer out{state_->packed.data(), state_->packed.size(), 0};
    const std::size_t left = ::ZSTD_compressStream2(state_->context, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
    if (::ZSTD_isError(left) != 0) return {Code::Internal, std::string("zstd: ") + ::ZSTD_getErrorName(left)};
    if (out.pos > 0) {
      if (Status status = sink_(ByteView(state_->packed.data(), out.pos)); !status.ok()) return status;
    }
    if (last ? left == 0 : in.pos == in.size) return {};
  }
}

Status ZstdWriter::add(ByteView bytes) { return pack(bytes, false); }
Status ZstdWriter::finish() { return pack({}, true); }

}  // namespace modelfs
